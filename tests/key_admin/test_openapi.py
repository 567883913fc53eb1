"""The OpenAPI document tells the truth: of the routes, and of every answer."""

import re

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from key_admin.handler import RESOURCES
from key_admin.openapi.document import document
from tests.conftest import call

DOCUMENT = document()
PAGES = {("GET", "/"), ("GET", "/docs"), ("GET", "/docs/{asset}"), ("GET", "/openapi.json")}


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


def test_every_body_has_an_example_and_every_operation_its_problems():
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["example"]
            assert operation.get("security") == [] or {"401", "403"} <= operation["responses"].keys()


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
        case.body |= {
            name: "http://127.0.0.1:9/"
            for name in ("issuer", "jwks_uri")
            if str(case.body.get(name)).startswith("http")  # nothing outside this machine is asked
        }
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {admin.key}"}
    response = case.call(base_url=admin.url)

    case.validate_response(response, checks=CHECKED)
