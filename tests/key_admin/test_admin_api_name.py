"""The admin API has one name. Whatever else could mean its gateway opens nothing, and gives nothing away."""

import time
import uuid

import pytest

from access.apis import ApiDefinition
from authorizer.memory import STALENESS_MS
from store.admin.records import ApiStore
from store.admin.transactions import Table
from store.boto import BotoClient
from tests.conftest import Admin

GATEWAY = "admin"  # API Gateway's id of the admin API here, and its stage is $default
NAMES = (f"{GATEWAY}/$default", f"{GATEWAY}/*", f"{GATEWAY}/prod", "*")
ALIASES = NAMES[:-1]


@pytest.fixture
def holder_of(admin, stack):
    def make(*grants, **members):
        made = admin("POST", "/keys", {"name": "n", "grants": list(grants)} | members)
        assert made.status == 201, made.text
        return Admin(stack.admin_url, made.body["key_id"])

    return make


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("through", ["grants", "a policy"])
def test_a_grant_by_another_name_opens_nothing(admin, holder_of, name, through):
    policy = f"p-{uuid.uuid4().hex[:8]}"
    admin("PUT", f"/policies/{policy}", {"name": "p", "grants": [{"api": name}]})

    holder = holder_of({"api": name}) if through == "grants" else holder_of(policies=[policy])

    for method, path, body in (("GET", "/keys", None), ("POST", "/keys", {"name": "n", "grants": [{"api": "admin"}]})):
        answer = holder(method, path, body)
        assert (answer.status, answer.text) == (403, '{"message":"Forbidden"}')


@pytest.mark.parametrize("name", ALIASES)
def test_a_grant_by_another_name_is_judged_as_one_on_admin(admin, holder_of, name):
    """It would open everything on the day on which it opened something."""
    clerk = holder_of({"api": "admin", "path": "/keys*"})
    policy = f"p-{uuid.uuid4().hex[:8]}"
    admin("PUT", f"/policies/{policy}", {"name": "p", "grants": [{"api": name}]})
    aliased = admin("POST", "/keys", {"name": "n", "grants": [{"api": name}]}).body

    assert clerk("POST", "/keys", {"name": "n", "grants": [{"api": name}]}).status == 403
    assert clerk("POST", "/keys", {"name": "n", "policies": [policy]}).status == 403
    assert clerk("PATCH", f"/keys/{aliased['key_hash']}", {"name": "m"}).status == 403
    assert clerk("POST", "/keys", {"name": "n", "grants": [{"api": "*"}]}).status == 201


@pytest.mark.parametrize(
    ("api_id", "gateways", "field"),
    [
        ("admin", [], "api_id"),
        ("mine", [f"{GATEWAY}/$default"], "gateways.0"),
        ("mine", ["other/prod", f"{GATEWAY}/*"], "gateways.1"),
        ("mine", [f"{GATEWAY}/prod"], "gateways.0"),
    ],
)
def test_no_definition_names_the_admin_api(admin, api_id, gateways, field):
    answer = admin("PUT", f"/apis/{api_id}", {"name": "n", "gateways": gateways})

    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


def test_a_definition_that_lies_in_the_table_all_the_same_opens_nothing(admin, holder_of, stack, monkeypatch):
    """Made before the admin API had its gateway, or by who can write the table."""
    for name, value in stack.services.environ().items():
        monkeypatch.setenv(name, value)
    store = ApiStore(Table(BotoClient("dynamodb"), "tollgate"))
    definition = ApiDefinition("mine", 1, "n", 0, 0, gateways=(f"{GATEWAY}/$default", f"{GATEWAY}/*"))
    store.put(None, definition)
    holder = holder_of({"api": "mine"})
    time.sleep(STALENESS_MS / 1000)

    answer = holder("GET", "/keys")
    store.delete(definition)

    assert (answer.status, answer.text) == (403, '{"message":"Forbidden"}')
    assert admin("GET", "/keys?limit=1").status == 200


def test_the_gateway_is_known_by_its_id_wherever_the_function_runs(stack, admin):
    """In an account the id is not `admin`: the request itself names it."""
    from dev.deployed import direct

    operator = admin("POST", "/keys/lookup", {"key_id": admin.key}).body
    event = direct("PUT", "/apis/mine", {"name": "n", "gateways": ["a1b2c3d4e5/$default"]}, by=operator["key_hash"])
    event["requestContext"]["apiId"] = "a1b2c3d4e5"

    answer = stack.functions["KeyAdminFunction"].invoke(event)

    assert answer["statusCode"] == 400
