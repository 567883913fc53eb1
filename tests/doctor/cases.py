"""Every mistake that a template can make against us, in each form that can make it.

A case spoils a sound template and says where the mistake is to be found. What a form cannot express stands in
`IMPOSSIBLE` with its reason.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.doctor.forms import (
    CLOUDFORMATION,
    DELETED,
    SAM,
    TERRAFORM,
    Data,
    Form,
    plan_add,
    plan_copy,
    plan_refer,
    plan_remove,
    plan_set,
    put,
)


class Case(NamedTuple):
    """A mistake in a form. `at`: the path whose line is named, of a plan empty; `where`: its resource, and the part."""

    check: str
    form: Form
    base: str
    spoil: Callable[[Data], None]
    where: str
    at: str = ""


def edits(*changes: tuple[str, Any]) -> Callable[[Data], None]:
    def spoil(data: Data) -> None:
        for path, value in changes:
            put(data, path, value)

    return spoil


def export(name: str) -> Data:
    return {"Fn::ImportValue": {"Fn::Sub": f"${{TollgateStack}}-{name}"}}


# --- SAM ----------------------------------------------------------------------------------

API = "Resources/Api/Properties"
AUTH = f"{API}/Auth"
GUARD = f"{AUTH}/Authorizers/Tollgate"
VARIABLES = f"{API}/Variables"
LIMITED = f"{API}/GatewayResponses/INVALID_API_KEY"
HEADERS = f"{LIMITED}/ResponseParameters/Headers"
ORDERS = "Resources/Orders/Properties"
LIST = f"{ORDERS}/Events/List/Properties"
READ = {"Type": "Api", "Properties": {"RestApiId": {"Ref": "Api"}, "Method": "GET", "Path": "/orders/{id}"}}
BOUND = (
    'def handler(event, context):\n    return {"policyDocument": {"Statement": [{"Resource": event["methodArn"]}]}}\n'
)
OWN = {"Type": "AWS::Serverless::Function", "Properties": {"InlineCode": BOUND, "Handler": "index.handler"}}
ALIASED = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "authorizer.handler.handler", "CodeUri": "."}}
MACHINE_EVENT = {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Api"}, "Method": "POST", "Path": "/orders"}}
BODY = '{"error":"$context.authorizer.reason","retry_after":$context.authorizer.retryAfter}'


def permission(source: Any) -> Data:
    properties = {"FunctionName": export("AuthorizerArn"), "Principal": "apigateway.amazonaws.com"}
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": properties | {"Action": "lambda:InvokeFunction", "SourceArn": source},
    }


def copies(path: str, count: int) -> Callable[[Data], None]:
    """More resources like one of them: `Api1`, `Api2` …"""

    def spoil(data: Data) -> None:
        name = path.rpartition("/")[2]
        for number in range(1, count):
            data["Resources"][f"{name}{number}"] = copy.deepcopy(data["Resources"][name])

    return spoil


OF_API = {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Other}/authorizers/*"}
ANYBODY = "arn:aws:execute-api:*:*:*/authorizers/*"


def sam(check: str, where: str, at: str, *changes: tuple[str, Any], base: str = "rest") -> Case:
    return Case(check, SAM, base, edits(*changes), where, at)


def of_sam() -> Iterator[Case]:
    yield sam("no-authorizer", "Api", "Resources/Api", (AUTH, DELETED))
    yield sam("no-authorizer", "Api", "Resources/Api", (AUTH, {"AuthType": "NONE"}), base="websocket")
    yield sam("no-default-authorizer", "Api", AUTH, (f"{AUTH}/DefaultAuthorizer", DELETED))
    yield sam("no-default-authorizer", "Api", AUTH, (f"{AUTH}/DefaultAuthorizer", DELETED), base="http")
    opened = f"{LIST}/Auth/Authorizer"
    yield sam("open-route", "Orders (List)", opened, (opened, "NONE"))
    yield sam("open-route", "Orders (List)", opened, (opened, "NONE"), base="http")
    default = f"{AUTH}/DefaultAuthorizer"
    yield sam("unknown-authorizer", "Api", default, (default, "Tolgate"))
    yield sam("unknown-authorizer", "Orders (List)", opened, (opened, "Tolgate"), base="http")
    yield sam("other-authorizer", "Orders (List)", opened, (f"{ORDERS}/Events/Read", READ), (opened, "AWS_IAM"))
    yield sam("unread-definition", "Api", f"{API}/DefinitionUri", (f"{API}/DefinitionUri", "s3://bucket/orders.yaml"))
    yield sam("missing-name", "Api", "Resources/Api", (f"{VARIABLES}/tollgateApi", DELETED))
    name = f"{VARIABLES}/tollgateApi"
    yield sam("unusable-name", "Api", name, (name, "orders/v1"))
    yield sam("reserved-name", "Api", name, (name, "admin"))
    second = "Resources/Api1/Properties/Variables/tollgateApi"
    yield Case("shared-name", SAM, "rest", copies("Resources/Api", 2), "Api1", second)
    yield sam("unknown-variable", "Api", f"{VARIABLES}/tollgateLimit", (f"{VARIABLES}/tollgateLimit", "429"))
    yield sam("unknown-response", "Api", f"{VARIABLES}/tollgateResponse", (f"{VARIABLES}/tollgateResponse", "iam"))
    yield from of_sam_authorizers()
    yield from of_sam_limits()
    yield from of_sam_answers()


def of_sam_authorizers() -> Iterator[Case]:
    identity, part = f"{GUARD}/Identity", "Api (Tollgate)"
    every = f"{identity}/ReauthorizeEvery"
    yield sam("cached-result", part, every, (every, 60))
    yield sam("cached-result", part, GUARD, (every, DELETED))
    yield sam("cached-result", part, every, (every, 60), base="http")
    code, arn = "Resources/Own/Properties/InlineCode", f"{GUARD}/FunctionArn"
    own = {"Fn::GetAtt": ["Own", "Arn"]}
    yield sam("bound-policy", part, code, ("Resources/Own", OWN), (arn, own), (every, 60))
    yield sam("identity-source", part, identity, (f"{identity}/Headers", ["X-Tenant"]))
    yield sam("extra-identity-source", part, identity, (f"{identity}/Headers", ["Authorization", "X-Tenant"]))
    yield sam("cache-identity", part, identity, (every, 60))
    yield sam("cache-identity", part, identity, (every, 60), base="http")
    sources = f"{AUTH}/IdentitySource"
    foreign = (sources, ["$request.header.Authorization"])
    yield sam("identity-syntax", "Api", sources, foreign, base="websocket")
    yield sam("token-event", part, GUARD, (f"{GUARD}/FunctionPayloadType", "TOKEN"))
    expression = f"{identity}/ValidationExpression"
    token = (f"{GUARD}/FunctionPayloadType", "TOKEN")
    yield sam("narrow-expression", part, expression, token, (expression, r"^Bearer [-0-9a-zA-Z\._]*$"))
    version = f"{GUARD}/AuthorizerPayloadFormatVersion"
    yield sam("payload-version", part, GUARD, (version, DELETED), base="http")
    simple = f"{GUARD}/EnableSimpleResponses"
    yield sam("answer-shape", part, simple, (simple, False), base="http")
    yield sam("answer-shape", part, simple, (version, "1.0"), base="http")
    guard = ("Resources/Guard", ALIASED)
    for lost in ({"Ref": "Guard.Alias"}, {"Ref": "Guard"}, {"Ref": "GuardAliaslive"}, {"Fn::Sub": "${Guard.Alias}"}):
        yield sam("dropped-alias", part, arn, guard, (arn, lost))
    yield sam("dropped-alias", part, arn, guard, (arn, {"Fn::Sub": ["${a}", {"a": {"Ref": "Guard.Alias"}}]}))
    yield sam("fixed-partition", part, arn, (arn, "arn:aws:lambda:eu-west-1:123456789012:function:tollgate"))
    yield sam("authorizer-elsewhere", part, arn, (arn, export("KeyAdminFunctionName")))
    disabled = (f"{GUARD}/DisableFunctionDefaultPermissions", True)
    yield sam("no-permission", part, GUARD, disabled)
    yield sam("no-permission", part, GUARD, (f"{GUARD}/EnableFunctionDefaultPermissions", DELETED), base="http")
    source = "Resources/Permission/Properties/SourceArn"
    other = ("Resources/Other", {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "prod"}})
    yield sam(
        "permission-elsewhere", "Permission", source, disabled, other, ("Resources/Permission", permission(OF_API))
    )
    yield sam("wide-permission", "Permission", source, ("Resources/Permission", permission(ANYBODY)))
    last = "Resources/Api45/Properties/Auth/Authorizers/Tollgate"
    yield Case("too-many-permissions", SAM, "rest", copies("Resources/Api", 46), "Api45 (Tollgate)", last)


def of_sam_limits() -> Iterator[Case]:
    limits, plan = f"{VARIABLES}/tollgateLimits", "Resources/UsagePlan"
    yield sam("wrong-channel", "Api", limits, (limits, "integration"))
    http_limits = f"{API}/StageVariables/tollgateLimits"
    yield sam("wrong-channel", "Api", http_limits, (http_limits, "429"), base="http")
    yield sam("channel-not-announced", "Api", "Resources/Api", (limits, DELETED))
    yield sam("channel-key-source", "Api", f"{API}/ApiKeySourceType", (f"{API}/ApiKeySourceType", "HEADER"))
    required, own = f"{AUTH}/ApiKeyRequired", f"{LIST}/Auth/ApiKeyRequired"
    yield sam("channel-without-key", "Api", required, (required, False))
    yield sam("channel-without-key", "Api", AUTH, (required, DELETED))
    yield sam("channel-without-key", "Orders (List)", own, (own, False))
    gone = ("Resources/UsagePlanKey", DELETED)
    yield sam("channel-without-plan", "Api", "Resources/Api", gone, (plan, DELETED))
    yield sam("plan-of-another-stage", "UsagePlan", plan, (f"{plan}/Properties/ApiStages/0/Stage", "beta"))
    yield sam("plan-without-key", "UsagePlan", plan, gone)
    key = "Resources/UsagePlanKey/Properties/KeyId"
    yield sam("usage-key-elsewhere", "UsagePlanKey", key, (key, export("AuthorizerArn")))
    yield sam("usage-key-elsewhere", "UsagePlanKey", key, (key, {"Fn::ImportValue": "another-UsageKeyId"}))
    made = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": True}}
    yield sam("usage-key-elsewhere", "UsagePlanKey", key, ("Resources/Key", made), (key, {"Ref": "Key"}))
    created = f"{AUTH}/UsagePlan/CreateUsagePlan"
    by_sam = ((plan, DELETED), gone, (created, "PER_API"))
    yield sam("usage-key-elsewhere", "Api (UsagePlan)", created, *by_sam)
    throttle = f"{plan}/Properties/Throttle"
    yield sam("shared-throttle", "UsagePlan", throttle, (throttle, {"RateLimit": 10, "BurstLimit": 5}))
    yield Case(
        "too-many-plans",
        SAM,
        "rest",
        copies("Resources/UsagePlanKey", 11),
        "UsagePlanKey10",
        "Resources/UsagePlanKey10",
    )
    yield sam("channel-without-429", "Api (INVALID_API_KEY)", LIMITED, (f"{LIMITED}/StatusCode", DELETED))
    code = f"{ORDERS}/InlineCode"
    yield sam(
        "forgotten-decorator",
        "Orders (List)",
        code,
        (f"{ORDERS}/CodeUri", DELETED),
        (code, "def handler(event, context): ..."),
        base="http",
    )
    machine = {"Type": "AWS::Serverless::StateMachine", "Properties": {"Events": {"Post": MACHINE_EVENT}}}
    post = "Resources/Machine/Properties/Events/Post"
    yield sam("deaf-integration", "Machine (Post)", post, ("Resources/Machine", machine), base="http")


def of_sam_answers() -> Iterator[Case]:
    part, after = "Api (INVALID_API_KEY)", f"{HEADERS}/Retry-After"
    yield sam("no-retry-after", part, LIMITED, (after, DELETED))
    misspelt = f"{HEADERS}/RetryAfter"
    yield sam("no-retry-after", part, misspelt, (after, DELETED), (misspelt, "context.authorizer.retryAfter"))
    yield sam("unknown-context", part, after, (after, "context.authorizer.retry_after"))
    body = f"{LIMITED}/ResponseTemplates/application~json"
    yield sam("broken-body", part, body, (f"{LIMITED}/ResponseTemplates", {"application/json": BODY}))
    limit = f"{HEADERS}/X-RateLimit-Limit"
    yield sam("bare-value", part, limit, (limit, "many"))
    denied = f"{API}/GatewayResponses/ACCESS_DENIED/StatusCode"
    yield sam("hiding-status", "Api (ACCESS_DENIED)", denied, (denied, 429))
    for flag in ("AddDefaultAuthorizerToCorsPreflight", "AddApiKeyRequiredToCorsPreflight"):
        yield sam("blocked-preflight", "Api", f"{AUTH}/{flag}", (f"{AUTH}/{flag}", True))
    yield sam("blocked-preflight", "Orders (List)", f"{ORDERS}/Events/List", (f"{LIST}/Method", "ANY"), base="http")
    yield sam("no-cors-headers", part, LIMITED, (f"{HEADERS}/Access-Control-Allow-Origin", DELETED))
    yield sam("cors-without-authorization", "Api", f"{API}/Cors", (f"{API}/Cors/AllowHeaders", "'content-type'"))
    cors = f"{API}/CorsConfiguration"
    yield sam("cors-without-authorization", "Api", cors, (f"{cors}/AllowHeaders", ["*"]), base="http")
    yield sam("unreadable-limits", part, LIMITED, (f"{HEADERS}/Access-Control-Expose-Headers", DELETED))
    yield sam("unreadable-limits", "Api", cors, (f"{cors}/ExposeHeaders", DELETED), base="http")
    caching = f"{API}/MethodSettings/0/CachingEnabled"
    settings = [{"HttpMethod": "*", "ResourcePath": "/*", "CachingEnabled": True}]
    yield sam(
        "shared-responses", "Api", caching, (f"{API}/CacheClusterEnabled", True), (f"{API}/MethodSettings", settings)
    )
    yield sam("second-stage", "Api", "Resources/Api", ("Globals", DELETED))


# --- CloudFormation -----------------------------------------------------------------------

AUTHORIZER = "Resources/Authorizer/Properties"
METHOD = "Resources/List/Properties"
STAGE = "Resources/Stage/Properties"
RESPONSE = "Resources/Limited/Properties"
HEADER = f"{RESPONSE}/ResponseParameters/gatewayresponse.header."


def cfn(check: str, where: str, at: str, *changes: tuple[str, Any], base: str = "rest") -> Case:
    return Case(check, CLOUDFORMATION, base, edits(*changes), where, at)


def of_cloudformation() -> Iterator[Case]:
    alone = (("Resources/Authorizer", DELETED), ("Resources/Permission", DELETED), (f"{METHOD}/AuthorizerId", DELETED))
    yield cfn("no-authorizer", "Api", "Resources/Api", *alone, (f"{METHOD}/AuthorizationType", "NONE"))
    kind = f"{METHOD}/AuthorizationType"
    yield cfn("open-route", "List", kind, (kind, "NONE"))
    yield cfn("open-route", "List (GET /orders)", "Resources/List", (kind, DELETED), base="http")
    connect = "Resources/Connect/Properties/AuthorizationType"
    yield cfn("open-route", "Connect ($connect)", connect, (connect, "NONE"), base="websocket")
    yield cfn("open-route", "Api", "Resources/Api", ("Resources/Connect", DELETED), base="websocket")
    defined = "Resources/Api/Properties/Body"
    security = f"{defined}/paths/~orders/get/security"
    yield cfn("open-route", "Api (GET /orders)", security, *with_body(security=[]))
    yield cfn("unknown-authorizer", "Api (GET /orders)", security, *with_body(security=[{"Tolgate": []}]))
    yield cfn("unnamed-authorizer", "List", kind, (f"{METHOD}/AuthorizerId", DELETED))
    yield cfn("other-authorizer", "List1", "Resources/List1/Properties/AuthorizationType", *second_method("AWS_IAM"))
    message = {"Type": "AWS::ApiGatewayV2::Route"}
    message["Properties"] = {
        "ApiId": {"Ref": "Api"},
        "RouteKey": "send",
        "AuthorizationType": "CUSTOM",
        "AuthorizerId": {"Ref": "Authorizer"},
    }
    send = "Resources/Send/Properties/AuthorizationType"
    yield cfn("beyond-connect", "Send (send)", send, ("Resources/Send", message), base="websocket")
    yield cfn(
        "unread-definition", "Api", f"{API}/BodyS3Location", (f"{API}/BodyS3Location", {"Bucket": "b", "Key": "k"})
    )
    name = f"{STAGE}/Variables/tollgateApi"
    yield cfn("missing-name", "Stage", "Resources/Stage", (name, DELETED))
    yield cfn(
        "missing-name", "Stage", "Resources/Stage", (f"{STAGE}/StageVariables/tollgateApi", DELETED), base="websocket"
    )
    yield cfn("unusable-name", "Stage", name, (name, "*"))
    yield cfn("reserved-name", "Stage", name, (name, "admin"))
    yield Case(
        "shared-name",
        CLOUDFORMATION,
        "http",
        second_api,
        "Stage1",
        "Resources/Stage1/Properties/StageVariables/tollgateApi",
    )
    yield cfn(
        "unknown-variable", "Stage", f"{STAGE}/Variables/TollgateAPI", (f"{STAGE}/Variables/TollgateAPI", "orders")
    )
    response = f"{STAGE}/StageVariables/tollgateResponse"
    yield cfn("unknown-response", "Stage", response, (response, "simple"), base="http")
    yield from of_cloudformation_authorizers()
    yield from of_cloudformation_limits()
    yield from of_cloudformation_answers()


def with_body(security: list[Data]) -> tuple[tuple[str, Any], ...]:
    """The API by an OpenAPI definition, with an operation that asks for what is given."""
    uri = {
        "Fn::Sub": [
            "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Arn}/invocations",
            {"Arn": export("AuthorizerArn")},
        ]
    }
    guard = {
        "type": "request",
        "identitySource": "method.request.header.Authorization",
        "authorizerResultTtlInSeconds": 0,
        "authorizerUri": uri,
    }
    scheme = {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authorizer": guard}
    body = {
        "openapi": "3.0.1",
        "paths": {"/orders": {"get": {"security": security}}},
        "components": {"securitySchemes": {"Tollgate": scheme}},
    }
    gone = (("Resources/List", DELETED), ("Resources/Authorizer", DELETED))
    return (
        *gone,
        ("Resources/Deployment/DependsOn", ["Options", "Refused", "Failed", "Denied", "Limited"]),
        (f"{API}/Body", body),
    )


def second_method(kind: str) -> tuple[tuple[str, Any], ...]:
    method = {"RestApiId": {"Ref": "Api"}, "HttpMethod": "POST", "AuthorizationType": kind, "ApiKeyRequired": True}
    return (("Resources/List1", {"Type": "AWS::ApiGateway::Method", "Properties": method}),)


def second_api(data: Data) -> None:
    for name in ("Api", "Stage"):
        data["Resources"][f"{name}1"] = copy.deepcopy(data["Resources"][name])
    put(data, "Resources/Stage1/Properties/ApiId", {"Ref": "Api1"})


def of_cloudformation_authorizers() -> Iterator[Case]:
    ttl, source, uri = (
        f"{AUTHORIZER}/{one}" for one in ("AuthorizerResultTtlInSeconds", "IdentitySource", "AuthorizerUri")
    )
    yield cfn("cached-result", "Authorizer", ttl, (ttl, 300))
    yield cfn("cached-result", "Authorizer", "Resources/Authorizer", (ttl, DELETED))
    yield cfn("cached-result", "Authorizer", ttl, (ttl, 9), base="http")
    invoked = {
        "Fn::Sub": "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Own.Arn}/invocations"
    }
    own = (
        "Resources/Own",
        {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "index.handler", "Code": {"ZipFile": BOUND}}},
    )
    code = "Resources/Own/Properties/Code/ZipFile"
    yield cfn("bound-policy", "Authorizer", code, own, (uri, invoked), (ttl, 60))
    yield cfn("identity-source", "Authorizer", source, (source, "method.request.header.X-Tenant"))
    both = "method.request.header.Authorization, method.request.header.X-Tenant"
    yield cfn("extra-identity-source", "Authorizer", source, (source, both))
    yield cfn("cache-identity", "Authorizer", source, (ttl, 60), base="http")
    yield cfn("identity-syntax", "Authorizer", source, (source, "$request.header.Authorization"))
    yield cfn("identity-syntax", "Authorizer", source, (source, ["method.request.header.Authorization"]), base="http")
    yield cfn(
        "identity-syntax", "Authorizer", source, (source, ["method.request.header.Authorization"]), base="websocket"
    )
    yield cfn("empty-identity-source", "Authorizer", source, (source, ""))
    yield cfn("token-event", "Authorizer", "Resources/Authorizer", (f"{AUTHORIZER}/Type", "TOKEN"))
    expression = f"{AUTHORIZER}/IdentityValidationExpression"
    yield cfn(
        "narrow-expression", "Authorizer", expression, (f"{AUTHORIZER}/Type", "TOKEN"), (expression, r"^Bearer [\w.]+$")
    )
    yield cfn(
        "payload-version",
        "Authorizer",
        "Resources/Authorizer",
        (f"{AUTHORIZER}/AuthorizerPayloadFormatVersion", DELETED),
        base="http",
    )
    yield cfn(
        "answer-shape",
        "Authorizer",
        "Resources/Authorizer",
        (f"{AUTHORIZER}/EnableSimpleResponses", DELETED),
        base="http",
    )
    simple, response = f"{AUTHORIZER}/EnableSimpleResponses", f"{STAGE}/StageVariables/tollgateResponse"
    yield cfn("answer-shape", "Authorizer", simple, (response, "iam"), base="http")
    yield cfn("bare-function", "Authorizer", uri, (uri, export("AuthorizerArn")))
    fixed = {
        "Fn::Sub": [
            "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Arn}/invocations",
            {"Arn": export("AuthorizerArn")},
        ]
    }
    yield cfn("fixed-partition", "Authorizer", uri, (uri, fixed))
    elsewhere = copy.deepcopy(fixed)
    elsewhere["Fn::Sub"][1]["Arn"] = export("TableName")
    yield cfn("authorizer-elsewhere", "Authorizer", uri, (uri, elsewhere))
    principal, arn = "Resources/Permission/Properties/Principal", "Resources/Permission/Properties/SourceArn"
    yield cfn("no-permission", "Authorizer", "Resources/Authorizer", ("Resources/Permission", DELETED))
    yield cfn("no-permission", "Authorizer", "Resources/Authorizer", (principal, "events.amazonaws.com"), base="http")
    other = ("Resources/Other", {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "other"}})
    yield cfn("permission-elsewhere", "Permission", arn, other, (arn, OF_API))
    yield cfn("wide-permission", "Permission", arn, (arn, ANYBODY))
    yield cfn("wide-permission", "Permission", "Resources/Permission", (arn, DELETED), base="http")
    wide = {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:*:${Api}/authorizers/*"}
    yield cfn("wide-permission", "Permission", arn, (arn, wide), base="websocket")
    yield Case(
        "too-many-permissions",
        CLOUDFORMATION,
        "rest",
        copies("Resources/Permission", 46),
        "Permission45",
        "Resources/Permission45",
    )


def of_cloudformation_limits() -> Iterator[Case]:
    limits, plan, required = f"{STAGE}/Variables/tollgateLimits", "Resources/Plan", f"{METHOD}/ApiKeyRequired"
    yield cfn("wrong-channel", "Stage", limits, (limits, "deny"))
    socket = f"{STAGE}/StageVariables/tollgateLimits"
    yield cfn("wrong-channel", "Stage", socket, (socket, "429"), base="websocket")
    yield cfn("channel-not-announced", "Stage", "Resources/Stage", (limits, DELETED))
    yield cfn("channel-key-source", "Api", "Resources/Api", (f"{API}/ApiKeySourceType", DELETED))
    yield cfn("channel-without-key", "List", required, (required, False))
    yield cfn("channel-without-key", "List", "Resources/List", (required, DELETED))
    yield cfn(
        "channel-without-key",
        "Api (GET /orders)",
        f"{API}/Body/paths/~orders/get",
        *with_body(security=[{"Tollgate": []}]),
    )
    gone = ("Resources/PlanKey", DELETED)
    yield cfn("channel-without-plan", "Api", "Resources/Api", gone, (plan, DELETED))
    yield cfn("plan-of-another-stage", "Plan", plan, (f"{plan}/Properties/ApiStages/0/Stage", "beta"))
    yield cfn("plan-without-key", "Plan", plan, gone)
    key = "Resources/PlanKey/Properties/KeyId"
    yield cfn("usage-key-elsewhere", "PlanKey", key, (key, export("AuthorizerArn")))
    quota = f"{plan}/Properties/Quota"
    yield cfn("shared-throttle", "Plan", quota, (quota, {"Limit": 1000, "Period": "DAY"}))
    yield Case(
        "too-many-plans", CLOUDFORMATION, "rest", copies("Resources/PlanKey", 11), "PlanKey10", "Resources/PlanKey10"
    )
    yield cfn(
        "channel-without-429", "Limited (INVALID_API_KEY)", "Resources/Limited", (f"{RESPONSE}/StatusCode", "403")
    )
    undecorated = "def handler(event, context):\n    return {}\n"
    code = "Resources/Handler/Properties/Code/ZipFile"
    yield cfn("forgotten-decorator", "List (GET /orders)", code, (code, undecorated), base="http")
    kind = "Resources/Integration/Properties/IntegrationType"
    yield cfn("deaf-integration", "List (GET /orders)", "Resources/List", (kind, "HTTP_PROXY"), base="http")


def of_cloudformation_answers() -> Iterator[Case]:
    part = "Limited (INVALID_API_KEY)"
    yield cfn("no-retry-after", part, "Resources/Limited", (f"{HEADER}Retry-After", DELETED))
    yield cfn("no-retry-after", part, f"{HEADER}Retry-After", (f"{HEADER}Retry-After", "'60'"))
    yield cfn(
        "unknown-context",
        part,
        f"{HEADER}X-RateLimit-Limit",
        (f"{HEADER}X-RateLimit-Limit", "context.authorizer.rateLimit"),
    )
    yield cfn(
        "broken-body",
        part,
        f"{RESPONSE}/ResponseTemplates/application~json",
        (f"{RESPONSE}/ResponseTemplates", {"application/json": BODY}),
    )
    yield cfn("bare-value", part, f"{HEADER}X-RateLimit-Limit", (f"{HEADER}X-RateLimit-Limit", "many"))
    status = "Resources/Refused/Properties/StatusCode"
    yield cfn("hiding-status", "Refused (DEFAULT_4XX)", status, (status, "400"))
    preflight = (
        ("Resources/Options/Properties/AuthorizationType", "CUSTOM"),
        ("Resources/Options/Properties/AuthorizerId", {"Ref": "Authorizer"}),
    )
    yield cfn("blocked-preflight", "Options", "Resources/Options", *preflight)
    yield cfn("blocked-preflight", "List ($default)", "Resources/List", (f"{METHOD}/RouteKey", "$default"), base="http")
    yield cfn("no-cors-headers", part, "Resources/Limited", (f"{HEADER}Access-Control-Allow-Origin", DELETED))
    allowed = "Resources/Options/Properties/Integration/IntegrationResponses/0/ResponseParameters/method.response.header.Access-Control-Allow-Headers"
    yield cfn("cors-without-authorization", "Options", "Resources/Options", (allowed, "'content-type'"))
    cors = f"{API}/CorsConfiguration"
    yield cfn("cors-without-authorization", "Api", cors, (f"{cors}/AllowHeaders", DELETED), base="http")
    yield cfn("unreadable-limits", part, "Resources/Limited", (f"{HEADER}Access-Control-Expose-Headers", DELETED))
    yield cfn("unreadable-limits", "Api", cors, (f"{cors}/ExposeHeaders", ["X-RateLimit-Limit"]), base="http")
    caching = f"{STAGE}/MethodSettings/0/CachingEnabled"
    settings = [{"HttpMethod": "*", "ResourcePath": "/*", "CachingEnabled": True}]
    yield cfn(
        "shared-responses",
        "Stage",
        caching,
        (f"{STAGE}/CacheClusterEnabled", True),
        (f"{STAGE}/MethodSettings", settings),
    )
    yield cfn("silent-mock", "Mock", "Resources/Mock", ("Resources/MockResponse", DELETED), base="websocket")
    waits = "Resources/Deployment/DependsOn"
    yield cfn("early-deployment", "Deployment", "Resources/Deployment", (waits, ["List", "Options"]))


# --- Terraform ----------------------------------------------------------------------------

REST = "aws_api_gateway_"
V2 = "aws_apigatewayv2_"
LIMITED_IN_PLAN = f'{REST}gateway_response.refusal["INVALID_API_KEY"]'


def terraform(check: str, where: str, *steps: Callable[[Data], Any], base: str = "rest") -> Case:
    def spoil(data: Data) -> None:
        for step in steps:
            step(data)

    return Case(check, TERRAFORM, base, spoil, where)


def sets(address: str, attribute: str, value: Any) -> Callable[[Data], None]:
    return lambda data: plan_set(data, address, attribute, value)


def refers(address: str, attribute: str, *references: str, value: Any = None) -> Callable[[Data], None]:
    return lambda data: plan_refer(data, address, attribute, *references, value=value)


def removes(*addresses: str) -> Callable[[Data], None]:
    def spoil(data: Data) -> None:
        for address in addresses:
            plan_remove(data, address)

    return spoil


def response_set(attribute: str, value: Any, address: str = LIMITED_IN_PLAN) -> Callable[[Data], None]:
    """Of one instance of the gateway responses, which `for_each` makes."""

    def spoil(data: Data) -> None:
        planned = data["planned_values"]["root_module"]["resources"]
        values = next(one for one in planned if one["address"] == address)["values"]
        if isinstance(value, dict):
            values[attribute] = {name: one for name, one in (values[attribute] | value).items() if one is not None}
        else:
            values[attribute] = value

    return spoil


def header(name: str, value: str | None) -> Callable[[Data], None]:
    return response_set("response_parameters", {f"gatewayresponse.header.{name}": value})


def copied(address: str, count: int) -> Callable[[Data], None]:
    def spoil(data: Data) -> None:
        for number in range(1, count):
            plan_copy(data, address, f"copy{number}")

    return spoil


def exported(address: str, attribute: str, name: str) -> Callable[[Data], None]:
    """A value from another export than the one that was read."""

    def spoil(data: Data) -> None:
        source = "data.aws_cloudformation_export.other"
        data["prior_state"]["values"]["root_module"]["resources"].append(
            {
                "address": source,
                "mode": "data",
                "type": "aws_cloudformation_export",
                "name": "other",
                "values": {"name": name},
            }
        )
        plan_refer(data, address, attribute, f"{source}.value", source, value="known")

    return spoil


def of_terraform() -> Iterator[Case]:
    method, stage, guard = f"{REST}method.list", f"{REST}stage.prod", f"{REST}authorizer.tollgate"
    route = f"{V2}route.list"
    alone = removes(guard, "aws_lambda_permission.authorizer")
    yield terraform("no-authorizer", f"{REST}rest_api.orders", alone, sets(method, "authorization", "NONE"))
    yield terraform("open-route", method, sets(method, "authorization", "NONE"))
    yield terraform("open-route", f"{route} (GET /orders)", sets(route, "authorization_type", "NONE"), base="http")
    connect = f"{V2}route.connect"
    yield terraform(
        "open-route", f"{connect} ($connect)", sets(connect, "authorization_type", "NONE"), base="websocket"
    )
    yield terraform("unnamed-authorizer", method, sets(method, "authorizer_id", None))
    second = f"{REST}method.second"
    another = lambda data: (plan_copy(data, method, "second"), plan_set(data, second, "authorization", "AWS_IAM"))  # noqa: E731
    yield terraform("other-authorizer", second, another)
    send = f"{V2}route.send"
    beyond = lambda data: (plan_copy(data, connect, "send"), plan_set(data, send, "route_key", "send"))  # noqa: E731
    yield terraform("beyond-connect", f"{send} (send)", beyond, base="websocket")
    body = refers(f"{REST}rest_api.orders", "body", "data.local_file.definition.content")
    yield terraform("unread-definition", f"{REST}rest_api.orders", body)
    yield terraform("missing-name", stage, sets(stage, "variables", {"tollgateLimits": "429"}))
    variables = {"tollgateApi": "orders", "tollgateLimits": "429"}
    yield terraform("unusable-name", stage, sets(stage, "variables", variables | {"tollgateApi": "my orders"}))
    yield terraform("reserved-name", stage, sets(stage, "variables", variables | {"tollgateApi": "admin"}))
    yield terraform("shared-name", f"{V2}stage.second", another_api, base="http")
    yield terraform("unknown-variable", stage, sets(stage, "variables", variables | {"tollgate_api": "orders"}))
    yield terraform("unknown-response", stage, sets(stage, "variables", variables | {"tollgateResponse": "iam"}))
    yield from of_terraform_authorizers(guard)
    yield from of_terraform_limits(method, stage, variables)
    yield from of_terraform_answers(stage)


def of_terraform_authorizers(guard: str) -> Iterator[Case]:
    http_guard = f"{V2}authorizer.tollgate"
    ttl = "authorizer_result_ttl_in_seconds"
    yield terraform("cached-result", guard, sets(guard, ttl, 300))
    yield terraform("cached-result", http_guard, sets(http_guard, ttl, 60), base="http")
    yield terraform("identity-source", guard, sets(guard, "identity_source", "method.request.header.X-Tenant"))
    both = "method.request.header.Authorization,method.request.header.X-Tenant"
    yield terraform("extra-identity-source", guard, sets(guard, "identity_source", both))
    yield terraform("cache-identity", http_guard, sets(http_guard, ttl, 60), base="http")
    wrong = sets(http_guard, "identity_sources", ["method.request.header.Authorization"])
    yield terraform("identity-syntax", http_guard, wrong, base="http")
    yield terraform("empty-identity-source", guard, sets(guard, "identity_source", ""))
    yield terraform("token-event", guard, sets(guard, "type", "TOKEN"))
    expression = sets(guard, "identity_validation_expression", "^Bearer .+$")
    yield terraform("narrow-expression", guard, sets(guard, "type", "TOKEN"), expression)
    version = sets(http_guard, "authorizer_payload_format_version", None)
    yield terraform("payload-version", http_guard, version, base="http")
    yield terraform("answer-shape", http_guard, sets(http_guard, "enable_simple_responses", False), base="http")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:tollgate"
    source = "data.aws_cloudformation_export.authorizer"
    bare = refers(guard, "authorizer_uri", f"{source}.value", source, value=arn)
    yield terraform("bare-function", guard, bare)
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    fixed = refers(guard, "authorizer_uri", "data.aws_region.here.name", "data.aws_region.here", source, value=uri)
    yield terraform("fixed-partition", guard, fixed)
    yield terraform("authorizer-elsewhere", guard, exported(guard, "authorizer_uri", "tollgate-KeyAdminFunctionName"))
    permitted = "aws_lambda_permission.authorizer"
    yield terraform("no-permission", guard, removes(permitted))
    other = plan_api("other")
    elsewhere = refers(permitted, "source_arn", f"{REST}rest_api.other.execution_arn", f"{REST}rest_api.other")
    yield terraform("permission-elsewhere", permitted, other, elsewhere)
    yield terraform("wide-permission", permitted, sets(permitted, "source_arn", ANYBODY))
    yield terraform("wide-permission", permitted, sets(permitted, "source_arn", None), base="http")
    yield terraform("too-many-permissions", "aws_lambda_permission.copy45", copied(permitted, 46))


def of_terraform_limits(method: str, stage: str, variables: Data) -> Iterator[Case]:
    yield terraform("wrong-channel", stage, sets(stage, "variables", variables | {"tollgateLimits": "integration"}))
    yield terraform("channel-not-announced", stage, sets(stage, "variables", {"tollgateApi": "orders"}))
    yield terraform(
        "channel-key-source", f"{REST}rest_api.orders", sets(f"{REST}rest_api.orders", "api_key_source", "HEADER")
    )
    yield terraform("channel-without-key", method, sets(method, "api_key_required", False))
    plan, key = f"{REST}usage_plan.tollgate", f"{REST}usage_plan_key.tollgate"
    yield terraform("channel-without-plan", f"{REST}rest_api.orders", removes(plan, key))
    yield terraform("plan-of-another-stage", plan, other_stage)
    yield terraform("plan-without-key", plan, removes(key))
    yield terraform("usage-key-elsewhere", key, exported(key, "key_id", "another-UsageKeyId"))
    made = lambda data: plan_add(data, f"{REST}api_key.own", {"name": "own"}, {"name": {"constant_value": "own"}})  # noqa: E731
    yield terraform(
        "usage-key-elsewhere", key, made, refers(key, "key_id", f"{REST}api_key.own.id", f"{REST}api_key.own")
    )
    yield terraform("shared-throttle", plan, sets(plan, "throttle_settings", [{"rate_limit": 10, "burst_limit": 5}]))
    yield terraform("too-many-plans", f"{REST}usage_plan_key.copy10", copied(key, 11))
    limited, route = f"{LIMITED_IN_PLAN} (INVALID_API_KEY)", f"{V2}route.list"
    yield terraform("channel-without-429", limited, response_set("status_code", None))
    integration = f"{V2}integration.orders"
    yield terraform(
        "deaf-integration", f"{route} (GET /orders)", sets(integration, "integration_type", "HTTP_PROXY"), base="http"
    )


def of_terraform_answers(stage: str) -> Iterator[Case]:
    limited, route = f"{LIMITED_IN_PLAN} (INVALID_API_KEY)", f"{V2}route.list"
    yield terraform("no-retry-after", limited, header("Retry-After", None))
    yield terraform("unknown-context", limited, header("Retry-After", "context.authorizer.retry"))
    yield terraform("broken-body", limited, response_set("response_templates", {"application/json": BODY}))
    yield terraform("bare-value", limited, header("X-RateLimit-Limit", "many"))
    denied = f'{REST}gateway_response.refusal["ACCESS_DENIED"]'
    yield terraform("hiding-status", f"{denied} (ACCESS_DENIED)", response_set("status_code", "429", denied))
    options = f"{REST}method.options"
    yield terraform("blocked-preflight", options, sets(options, "api_key_required", True))
    yield terraform("blocked-preflight", f"{route} (ANY /orders)", sets(route, "route_key", "ANY /orders"), base="http")
    yield terraform("no-cors-headers", limited, header("Access-Control-Allow-Origin", None))
    answered = f"{REST}integration_response.options"
    allowed = sets(
        answered, "response_parameters", {"method.response.header.Access-Control-Allow-Headers": "'content-type'"}
    )
    yield terraform("cors-without-authorization", options, allowed)
    yield terraform("unreadable-limits", limited, header("Access-Control-Expose-Headers", None))
    cached = lambda data: plan_add(  # noqa: E731
        data,
        f"{REST}method_settings.all",
        {"stage_name": "prod", "method_path": "*/*", "settings": [{"caching_enabled": True}]},
        {"rest_api_id": {"references": [f"{REST}rest_api.orders.id", f"{REST}rest_api.orders"]}, "settings": [{}]},
    )
    yield terraform("shared-responses", stage, sets(stage, "cache_cluster_enabled", True), cached)
    yield terraform("silent-mock", f"{V2}integration.mock", removes(f"{V2}integration_response.mock"), base="websocket")
    yield terraform("early-deployment", f"{REST}deployment.orders", forgets_responses)


def another_api(data: Data) -> None:
    plan_copy(data, f"{V2}api.orders", "second")
    stage = plan_copy(data, f"{V2}stage.default", "second")
    plan_refer(data, stage, "api_id", f"{V2}api.second.id", f"{V2}api.second")


def plan_api(name: str) -> Callable[[Data], None]:
    return lambda data: plan_add(data, f"{REST}rest_api.{name}", {"name": name}, {"name": {"constant_value": name}})


def other_stage(data: Data) -> None:
    """The plan names a stage of another resource."""
    plan_copy(data, f"{REST}stage.prod", "beta")
    plan_set(data, f"{REST}stage.beta", "variables", {"tollgateApi": "orders"})
    configured = data["configuration"]["root_module"]["resources"]
    blocks = next(one for one in configured if one["address"] == f"{REST}usage_plan.tollgate")["expressions"][
        "api_stages"
    ]
    blocks[0]["stage"]["references"] = [f"{REST}stage.beta.stage_name", f"{REST}stage.beta"]


def forgets_responses(data: Data) -> None:
    configured = data["configuration"]["root_module"]["resources"]
    deployment = next(one for one in configured if one["address"] == f"{REST}deployment.orders")
    deployment["depends_on"] = [f"{REST}integration_response.ok", f"{REST}integration_response.options"]


CASES = (*of_sam(), *of_cloudformation(), *of_terraform())

_BY_SAM = "SAM writes it itself"
IMPOSSIBLE = {
    ("unnamed-authorizer", "SAM"): "an event names its authorizer or takes the default",
    ("beyond-connect", "SAM"): _BY_SAM,
    ("empty-identity-source", "SAM"): _BY_SAM,
    ("bare-function", "SAM"): _BY_SAM,
    ("silent-mock", "SAM"): "AWS::Serverless::WebSocketApi makes integrations of functions alone",
    ("early-deployment", "SAM"): _BY_SAM,
    ("no-default-authorizer", "CloudFormation"): "a default is SAM's",
    ("dropped-alias", "CloudFormation"): "sam local reads SAM's resources",
    ("second-stage", "CloudFormation"): "only SAM makes it",
    ("no-default-authorizer", "Terraform"): "a default is SAM's",
    ("unknown-authorizer", "Terraform"): "Terraform itself refuses a reference to what is not there",
    ("dropped-alias", "Terraform"): "sam local reads SAM's resources",
    ("second-stage", "Terraform"): "only SAM makes it",
    ("bound-policy", "Terraform"): "a plan holds no code",
    ("forgotten-decorator", "Terraform"): "a plan holds no code",
}
