"""The examples, played by the local gateway beside the real authorizer: what they promise is what a client sees."""

import re

import pytest

from dev.services import ROOT
from dev.stack import LocalStack
from dev.template import TemplateError
from tests.conftest import Admin, call, sign
from tests.dev.test_templates import Client

IMPORTS = {"AuthorizerArn": "!GetAtt AuthorizerFunction.Arn", "UsageKeyId": "!Ref UsageKey"}


def beside_tollgate(name):
    """One template of both: the example's resources, with what they import from the Tollgate stack itself."""
    resources = (ROOT / "examples" / name / "template.yaml").read_text().partition("\nResources:\n")[2]
    resources = resources.partition("\nOutputs:\n")[0]
    imported = r"\n +Fn::ImportValue: !Sub \$\{TollgateStack\}-(\w+)"
    resources = re.sub(imported, lambda found: f" {IMPORTS[found[1]]}", resources)
    resources = resources.replace("CodeUri: src", f"CodeUri: examples/{name}/src")
    before, found, after = (ROOT / "template.yaml").read_text().partition("\nOutputs:\n")
    without_demo = before.replace(
        '  DemoApis:\n    Type: String\n    Default: "on"', '  DemoApis:\n    Type: String\n    Default: "off"'
    )
    assert without_demo != before
    return f"{without_demo}\n{resources}{found}{after}"


@pytest.fixture(scope="module")
def played(tmp_path_factory, request):
    path = tmp_path_factory.mktemp(request.param) / "template.yaml"
    path.write_text(beside_tollgate(request.param))
    with LocalStack(template=path) as running:
        yield running


def token_of(played, api, **members):
    operator = Admin(played.admin_url, played.admin_key)
    grants = [{"api": api, "methods": ["GET"]}]
    return sign(operator.create_key(**({"grants": grants, "owner": "acme"} | members))["key_id"])


@pytest.mark.parametrize("played", ["rest"], indirect=True)
def test_the_rest_example_answers_200_401_403_and_429_also_to_browsers(played):
    url, origin = f"{played.rest_url}/orders", {"Origin": "https://shop.example"}
    limited = token_of(played, "orders", rate_limits=[{"limit": 1, "period": "60s"}])
    asked = origin | {"Access-Control-Request-Method": "GET"}

    answers = {
        "preflight": call("OPTIONS", url, headers=asked),
        "allowed": call("GET", url, token=limited, headers=origin),
        "limited": call("GET", url, token=limited, headers=origin),
        "forged": call("GET", url, token=f"{limited}x", headers=origin),
        "elsewhere": call("GET", url, token=token_of(played, "other"), headers=origin),
    }

    assert {name: one.status for name, one in answers.items()} == {
        "preflight": 200,
        "allowed": 200,
        "limited": 429,
        "forged": 401,
        "elsewhere": 403,
    }
    assert all(one.headers["access-control-allow-origin"] == "*" for one in answers.values())
    assert answers["allowed"].body == {"owner": "acme"}
    assert answers["limited"].headers["x-ratelimit-limit"] == "1"
    assert answers["limited"].body == {
        "error": "rate_limited",
        "retry_after": int(answers["limited"].headers["retry-after"]),
    }
    assert answers["elsewhere"].body == {"error": "not_granted"}


@pytest.mark.parametrize("played", ["http"], indirect=True)
def test_the_http_example_answers_429_by_its_integration(played):
    url, origin = f"{played.http_url}/orders", {"Origin": "https://shop.example"}
    limited = token_of(played, "orders", rate_limits=[{"limit": 1, "period": "60s"}])

    allowed, refused = (call("GET", url, token=limited, headers=origin) for _ in range(2))
    forged = call("GET", url, token=f"{limited}x", headers=origin)
    preflight = call("OPTIONS", url, headers=origin | {"Access-Control-Request-Method": "GET"})

    assert (preflight.status, preflight.headers["access-control-allow-headers"]) == (204, "authorization,content-type")
    assert (allowed.status, allowed.body, allowed.headers["x-ratelimit-remaining"]) == (200, {"owner": "acme"}, "0")
    assert (refused.status, refused.body["error"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == str(refused.body["retry_after"])
    assert (forged.status, forged.body) == (403, {"message": "Forbidden"})
    assert all(one.headers["access-control-allow-origin"] == "*" for one in (allowed, refused, forged))


def test_a_mock_that_answers_nothing_is_refused(tmp_path):
    """On AWS every connection of the example failed, which the local gateway did not show."""
    path = tmp_path / "template.yaml"
    whole = beside_tollgate("websocket")
    without = re.sub(r"\n  MockResponse:.*?\n\n", "\n", whole, flags=re.DOTALL)
    assert without != whole
    path.write_text(without)

    with (
        pytest.raises(TemplateError, match="a mock integration needs an IntegrationResponse"),
        LocalStack(template=path),
    ):
        pass


@pytest.mark.parametrize("played", ["websocket"], indirect=True)
def test_the_websocket_example_counts_connections(played):
    token = token_of(played, "live", quotas=[{"limit": 1, "period": "day"}])

    answers = []
    for sent in (token, token, ""):
        client = Client(played.port, "", headers=[("Authorization", f"Bearer {sent}")] if sent else [])
        answers.append(getattr(client.next(), "status_code", 101))
        client._socket.close()

    assert answers == [101, 403, 401]
