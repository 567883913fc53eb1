"""The authorizers themselves: caching, identity sources, the shape of their answers, the function that they call."""

import re
from collections.abc import Callable, Iterator

from doctor.checks.check import ERROR, WARNING, Check, Fault, Remedy, of_any, of_each
from doctor.model import Api, Authorizer, Kind
from doctor.nodes import Node, exports_in, names_in, written
from doctor.template import Form

_BOUND = re.compile(r"""Resource["']?\]?\s*[:=]\s*\[?\s*event(\.get\(|\[|\.)["']?(methodArn|routeArn)""")
_NAMES = re.compile(r"(header|querystring)\.[\w.!#$%&'*+^`|~-]+|context\.[\w.]+|stageVariables\.\w+")
_SYNTAX = {  # how each kind of API writes an identity source
    Kind.REST: re.compile(rf"(method\.request\.(?=header|querystring)|(?=context|stageVariables))({_NAMES.pattern})"),
    Kind.HTTP: re.compile(rf"(\$request\.(?=header|querystring)|\$(?=context|stageVariables))({_NAMES.pattern})"),
    Kind.WEBSOCKET: re.compile(
        rf"(route\.request\.(?=header|querystring)|(?=context|stageVariables))({_NAMES.pattern})"
    ),
}
_CREDENTIALS = (  # what clients send: a token, bare or not, and an opaque key
    "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjF9.c2ln-bmF0_dXJl",
    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjF9.c2ln-bmF0_dXJl",
    "Bearer tg_3q2-7wAB_cdEFghIJklMNopQRstUVwxYZ0123456789",
)
_INVOKED = re.compile(r":lambda:path/2015-03-31/functions/.+/invocations")
_FUNCTION = re.compile(r"arn:|\$\{import |\$\{\w+\.Arn\}$")  # what a parameter holds is not known
_FIXED = "arn:aws:"


def _of_guards(find: Callable[[Api, Authorizer], Iterator[Fault]]) -> Callable[[Api], Iterator[Fault]]:
    return lambda api: (fault for guard in api.guards for fault in find(api, guard))


def cached_results(api: Api, guard: Authorizer) -> Iterator[Fault]:
    if guard.ttl and api.kind is not Kind.WEBSOCKET:
        yield Fault(guard.place.of(guard.ttl_node), f"for {guard.ttl} s")


def bound_policies(api: Api) -> Iterator[Fault]:
    """Of the user's own authorizers: a cached policy for one method ARN refuses the caller's next path."""
    for guard in api.authorizers:
        match = _BOUND.search(guard.code.text) if guard.code is not None and guard.ttl else None
        if guard.code is not None and match is not None:
            number = guard.code.text[: match.start()].count("\n") + 1
            where = f" in {guard.code.file}, line {number}" if guard.code.file else ""
            yield Fault(guard.place._replace(line=guard.code.line_of(match.start())), f"{match[2]}{where}")


def left_out_credentials(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    if guard.identity and not any(_is_credential(source) for source in guard.identity):
        yield Fault(guard.place.of(guard.identity_node))


def extra_sources(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    """Each identity source has to be there, or API Gateway answers 401 by itself."""
    credentials = [source for source in guard.identity if _is_credential(source)]
    others = [
        source
        for source in guard.identity
        if source.startswith(("header.", "querystring.")) and source not in credentials
    ]
    extra = others if credentials else []
    if extra or len(credentials) > 1:
        yield Fault(guard.place.of(guard.identity_node), ", ".join(extra or credentials))


def _is_credential(source: str) -> bool:
    """Where a token may be: the header, a cookie, or the parameter that the API's definition names."""
    return source in {"header.authorization", "header.cookie"} or source.startswith("querystring.")


def identity_for_caching(api: Api, guard: Authorizer) -> Iterator[Fault]:
    if guard.ttl and api.kind is not Kind.WEBSOCKET:
        if not guard.identity:
            yield Fault(guard.place.of(guard.identity_node), "a cached result needs an identity source")
        elif api.kind is Kind.HTTP and "context.routeKey" not in guard.identity:
            yield Fault(guard.place.of(guard.identity_node), "a result for one route is used for every route")


def foreign_syntax(api: Api, guard: Authorizer) -> Iterator[Fault]:
    for source in guard.sources:
        if "${" not in source and not _SYNTAX[api.kind].fullmatch(source):
            yield Fault(guard.place.of(guard.identity_node), source)


def empty_sources(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    node = guard.identity_node
    if not guard.is_made_by_sam and node is not None and node.value == "":
        yield Fault(guard.place.of(node))


def token_events(api: Api, guard: Authorizer) -> Iterator[Fault]:
    named = [name for stage in api.stages for name in stage.variables if name.startswith("tollgate")]
    if guard.payload == "TOKEN" and named:
        yield Fault(guard.place, ", ".join(dict.fromkeys(named)))


def narrow_expressions(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    if guard.payload != "TOKEN" or guard.expression is None or not guard.expression.text:
        return
    try:
        expression = re.compile(guard.expression.text)
    except re.error:
        return
    if not all(expression.fullmatch(credential) for credential in _CREDENTIALS):
        yield Fault(guard.place.of(guard.expression), guard.expression.text)


def missing_payload(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    if guard.payload not in {"1.0", "2.0"}:
        yield Fault(guard.place, guard.payload)


def answer_shapes(api: Api, guard: Authorizer) -> Iterator[Fault]:
    """Tollgate answers payload 2.0 simply, unless tollgateResponse says otherwise; 1.0 knows policies alone."""
    is_simple = guard.is_simple is not None and guard.is_simple.is_true
    wants_policy = bool(api.stages_with("tollgateResponse", "iam"))
    if guard.payload == "2.0" and is_simple == wants_policy:
        yield Fault(
            guard.place.of(guard.is_simple),
            "Tollgate answers with a policy" if wants_policy else "Tollgate answers simply",
        )
    if guard.payload == "1.0" and is_simple:
        yield Fault(guard.place.of(guard.is_simple), "payload 1.0 has no simple responses")


def dropped_aliases(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    """What `sam local` cannot read it leaves out, with a warning, and serves the route all the same."""
    if guard.is_lost_locally:
        yield Fault(guard.place.of(guard.function))


def bare_functions(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    text = written(guard.uri)
    if _FUNCTION.match(text) and "${?}" not in text and not _INVOKED.search(text):
        yield Fault(guard.place.of(guard.uri))


def fixed_partitions(api: Api) -> Iterator[Fault]:
    """A plan knows every ARN in full, so there it is the references that tell."""
    settings = [(guard.place, guard.uri or guard.function) for guard in api.guards]
    settings += [(permission.place, permission.source) for guard in api.guards for permission in guard.permissions]
    for place, node in settings:
        if node is not None and _is_fixed(node, is_plan=api.form is Form.TERRAFORM):
            yield Fault(place.of(node))


def _is_fixed(node: Node, *, is_plan: bool) -> bool:
    if not written(node).startswith(_FIXED):
        return False
    if not is_plan:
        return True
    sources = {name for name in names_in(node) if name.startswith("data.")}
    return "data.aws_region" in sources and "data.aws_partition" not in sources


def elsewhere(_api: Api, guard: Authorizer) -> Iterator[Fault]:
    for export in exports_in(guard.function):
        if not export.endswith("-AuthorizerArn"):
            yield Fault(guard.place.of(guard.function), export)


CHECKS = (
    Check(
        "cached-result",
        ERROR,
        of_each(_of_guards(cached_results)),
        "results are cached, so requests go uncounted and revoked keys pass",
        Remedy(
            "set ReauthorizeEvery: 0 under Identity",
            "set AuthorizerResultTtlInSeconds: 0",
            "set authorizer_result_ttl_in_seconds = 0",
        ),
    ),
    Check(
        "bound-policy",
        ERROR,
        of_any(bound_policies),
        "an authorizer of your own answers with a policy for this one ARN; cached, it refuses the caller's other paths",
        Remedy("allow everything that the caller may call, or turn caching off"),
    ),
    Check(
        "identity-source",
        ERROR,
        of_each(_of_guards(left_out_credentials)),
        "the identity sources leave out the credential, so requests without these are refused and it is not asked for",
        Remedy("name the Authorization header, or the place that the API's definition gives the token"),
    ),
    Check(
        "extra-identity-source",
        WARNING,
        of_each(_of_guards(extra_sources)),
        "every identity source has to be there: requests without these are 401 and Tollgate is not asked",
        Remedy("leave one identity source, the credential"),
    ),
    Check(
        "cache-identity",
        ERROR,
        of_each(_of_guards(identity_for_caching)),
        "results are cached for the wrong requests",
        Remedy("turn caching off; else name the credential and, on HTTP APIs, $context.routeKey"),
    ),
    Check(
        "identity-syntax",
        ERROR,
        of_each(_of_guards(foreign_syntax)),
        "this kind of API writes identity sources otherwise: the deployment fails",
        Remedy(
            "REST: method.request.header.Authorization. HTTP: $request.header.Authorization. "
            "WebSocket: route.request.header.Authorization"
        ),
    ),
    Check(
        "empty-identity-source",
        ERROR,
        of_each(_of_guards(empty_sources)),
        "the identity source is empty, which API Gateway refuses",
        Remedy(
            "name the header: method.request.header.Authorization",
            terraform='set identity_source = "method.request.header.Authorization"',
        ),
    ),
    Check(
        "token-event",
        ERROR,
        of_each(_of_guards(token_events), Kind.REST),
        "the event of a TOKEN authorizer carries no stage variables, so Tollgate does not see these",
        Remedy("set FunctionPayloadType: REQUEST", "set Type: REQUEST", 'set type = "REQUEST"'),
    ),
    Check(
        "narrow-expression",
        WARNING,
        of_each(_of_guards(narrow_expressions), Kind.REST),
        "the validation expression refuses what Tollgate takes: tokens with and without Bearer, keys with _ and -",
        Remedy(
            "leave ValidationExpression out",
            "leave IdentityValidationExpression out",
            "leave identity_validation_expression out",
        ),
    ),
    Check(
        "payload-version",
        ERROR,
        of_each(_of_guards(missing_payload), Kind.HTTP),
        "an HTTP API has to know the version of the event: the deployment fails",
        Remedy(
            'set AuthorizerPayloadFormatVersion: "2.0" and EnableSimpleResponses: true',
            terraform='set authorizer_payload_format_version = "2.0" and enable_simple_responses = true',
        ),
    ),
    Check(
        "answer-shape",
        ERROR,
        of_each(_of_guards(answer_shapes), Kind.HTTP),
        "the API expects an answer of another shape, so every call is a 500",
        Remedy(
            "set EnableSimpleResponses: true with payload 2.0, or only the stage variable tollgateResponse: iam",
            terraform="set enable_simple_responses with payload 2.0, or only the stage variable tollgateResponse: iam",
        ),
    ),
    Check(
        "dropped-alias",
        WARNING,
        of_each(_of_guards(dropped_aliases)),
        "sam local cannot read this FunctionArn and leaves the authorizer out: locally the routes are open",
        Remedy("write !Sub '${Function.Arn}:live', and DependsOn: FunctionAliaslive on the API"),
    ),
    Check(
        "bare-function",
        ERROR,
        of_each(_of_guards(bare_functions)),
        "this is not the ARN by which API Gateway invokes a function: the deployment fails",
        Remedy(
            "write arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/<ARN>/invocations",
            terraform="write arn:${partition}:apigateway:${region}:lambda:path/2015-03-31/functions/${arn}/invocations",
        ),
    ),
    Check(
        "fixed-partition",
        WARNING,
        of_each(fixed_partitions),
        "arn:aws: is the partition of commercial Regions alone",
        Remedy(
            "write ${AWS::Partition} in place of aws",
            terraform='take the partition from data "aws_partition"',
        ),
    ),
    Check(
        "authorizer-elsewhere",
        ERROR,
        of_each(_of_guards(elsewhere)),
        "this export is not the authorizer",
        Remedy(
            "import <stack>-AuthorizerArn",
            terraform="read the export <stack>-AuthorizerArn (data aws_cloudformation_export)",
        ),
    ),
)
