"""The OpenAPI document tells the truth: of the routes, and of every answer."""

import json
import re

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from dev.services import ROOT
from key_admin.handler import RESOURCES
from key_admin.openapi.document import document
from key_admin.problems import PROBLEMS
from tests.conftest import call

DOCUMENT = document()
PAGES = {("GET", "/"), ("GET", "/docs"), ("GET", "/docs/{asset}"), ("GET", "/openapi.json")}
PAGES |= {("GET", "/assets/{release}/{name}")}


def test_every_route_is_an_operation_and_every_operation_a_route():
    routes = {
        (method, re.sub(r"<(\w+)>", r"{\1}", str(path)))
        for resource in RESOURCES
        for path, methods, *_ in resource.router._routes
        for method in methods
    }
    shapes = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in routes - PAGES}

    documented = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
    }

    assert documented == shapes


def contents():
    """Every content of the document: where it stands, its schema, its examples."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                for kind, content in body.get("content", {}).items():
                    examples = [one["value"] for one in content.get("examples", {}).values()]
                    yield f"{method} {path} {name} {kind}", content["schema"], examples or [content["example"]]


@pytest.mark.parametrize(("schema", "examples"), [pytest.param(*rest, id=where) for where, *rest in contents()])
def test_every_example_is_what_its_schema_says(schema, examples):
    whole = schema | {"components": DOCUMENT["components"]}

    for example in examples:
        jsonschema_rs.validator_for(whole).validate(example)


def test_every_operation_tells_its_problems_and_what_it_shows():
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            responses = operation["responses"]
            assert operation.get("security") == [] or {"401", "403", "500", "503"} <= responses.keys()
            assert any("content" in one or status == "204" for status, one in responses.items())
            assert all(one["description"] for one in operation["parameters"] if one["in"] == "header")


def test_every_type_of_problem_is_explained():
    """What the code raises, found in the code, is what the document lists."""
    sources = "".join(path.read_text() for path in (ROOT / "key_admin").rglob("*.py"))
    raised = set(re.findall(r'Problem\(\s*(?:status|HTTPStatus\.\w+), "([a-z-]+)"', sources))
    told = DOCUMENT["components"]["schemas"]["ProblemAnswer"]["properties"]["type"]

    assert raised == PROBLEMS.keys()
    assert all(re.search(told["pattern"], f"https://a.example/problems/{code}") for code in raised)
    assert not re.search(told["pattern"], "https://a.example/problems/another")
    assert all(f"`{code}` ({status.value})" in told["description"] for code, (status, _) in PROBLEMS.items())


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_type_of_problem_is_served_without_a_key(admin, code):
    status, meaning = PROBLEMS[code]

    answer = call("GET", f"{admin.url}/problems/{code}")

    assert answer.status == 200
    assert answer.body == {"name": code, "status": status.value, "title": status.phrase, "meaning": meaning}


def test_the_type_of_a_problem_leads_to_its_meaning_on_the_api_that_answered(admin):
    problems = [
        admin("GET", "/keys?limit=0").body,
        admin("GET", "/nothing").body,
        admin("DELETE", "/keys").body,
        admin("POST", "/keys/import", {"items": [{}]}).body["items"][0]["problem"],
        call("GET", f"{admin.url}/problems/another").body,
    ]

    for problem in problems:
        assert problem["type"].startswith(f"{admin.url}/problems/")
        assert call("GET", problem["type"]).body["status"] == problem["status"]


def test_on_aws_the_type_of_a_problem_lies_on_the_host_of_the_request(stack):
    event = json.loads((ROOT / "events" / "admin_read_problem.json").read_text())
    for part in (event, event["requestContext"]["http"]):
        part |= {name: "/problems/another" for name in ("rawPath", "path") if name in part}
    event["headers"]["x-forwarded-prefix"] = "/elsewhere"

    answer = stack.functions["KeyAdminFunction"].invoke(event)

    domain = event["requestContext"]["domainName"]
    assert json.loads(answer["body"])["type"] == f"https://{domain}/problems/not-found"


def test_the_example_of_a_403_is_what_the_gateway_answers(admin):
    """Also without a credential: API Gateway asks the authorizer, since a cookie may be there."""
    example = DOCUMENT["paths"]["/keys"]["get"]["responses"]["403"]["content"]["application/json"]["example"]

    assert call("GET", f"{admin.url}/keys").body == example


def test_a_patch_is_any_member_or_null():
    patch = {"$ref": "#/components/schemas/KeyPatch", "components": DOCUMENT["components"]}
    judge = jsonschema_rs.validator_for(patch)

    assert judge.is_valid({})
    assert judge.is_valid({"owner": None, "metadata": {"a": None, "b": "c"}, "enabled": False})
    assert not judge.is_valid({"jwt_data": {}})
    assert not judge.is_valid({"enabled": "no"})


PAGES_HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy")


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.min.js", "/openapi.json"])
def test_pages_may_load_from_themselves_only(admin, path):
    headers = call("GET", f"{admin.url}{path}").headers

    assert all(name in headers for name in PAGES_HEADERS)
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "script-src" not in policy, "scripts are as strict as the default"


def test_the_document_and_its_pages_are_open_and_name_no_outside_host(admin):
    page = call("GET", f"{admin.url}/docs")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert call("GET", f"{admin.url}/openapi.json").body == DOCUMENT
    assert page.status == 200
    assert assets
    assert not any("//" in asset for asset in assets)
    assert [call("GET", f"{admin.url}/{asset}").status for asset in assets] == [200] * len(assets)
    assert call("GET", f"{admin.url}/docs/../handler.py").status in {401, 403, 404}
    assert call("GET", f"{admin.url}/docs/nothing.js").status == 404


CONFIG = SchemathesisConfig.from_dict({"phases": {"coverage": {"unexpected-methods": []}}})
load_all_checks()
CHECKED = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "response_schema_conformance",
        "status_code_conformance",
        "content_type_conformance",
    )
]
schema = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)


@schema.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_input_yields_a_5xx_or_an_answer_outside_the_schema(case, admin):
    if isinstance(case.body, dict):
        case.body = case.body | {
            name: "http://127.0.0.1:9/"
            for name in ("issuer", "jwks_uri")
            if str(case.body.get(name)).startswith("http")  # nothing outside this machine is asked
        }
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {admin.key}"}
    response = case.call(base_url=admin.url)

    case.validate_response(response, checks=CHECKED)
