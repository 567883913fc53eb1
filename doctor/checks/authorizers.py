"""Checks of the authorizers themselves."""

import re
from collections.abc import Iterator

from doctor.apis import HTTP, REST, WEBSOCKET, authorizers, own_code
from doctor.findings import Finding
from doctor.template import Node, Template

_BOUND = re.compile(r"""Resource["']?\]?\s*[:=]\s*\[?\s*event(\.get\(|\[|\.)["']?(methodArn|routeArn)""")


def cached_results(template: Template) -> Iterator[Finding]:
    """A cached answer is neither counted nor revoked. Authorizers of the user's own are his affair."""
    for one in authorizers(template):
        if one.ttl != 0 and one.api.kind != WEBSOCKET and one.ttl is not None and own_code(template, one) is None:
            yield Finding(
                one.ttl_line,
                "cached-result",
                f"{one.name}: answers are cached for {one.ttl} s, so requests go uncounted and revoked keys pass",
                "set ReauthorizeEvery: 0 (AuthorizerResultTtlInSeconds: 0)",
            )


def bound_policies(template: Template) -> Iterator[Finding]:
    """A cached policy for one method ARN refuses the caller's next path."""
    for one in authorizers(template):
        code = own_code(template, one)
        found = _BOUND.search(code.text) if code is not None and one.ttl != 0 else None
        if code is not None and found is not None:
            number = code.text[: found.start()].count("\n") + 1
            where = f" ({code.file}, line {number})" if code.file else ""
            yield Finding(
                code.line_of(found.start()),
                "bound-policy",
                f"{one.name}: a policy for this one {found[2]} is cached and refuses the caller's other paths{where}",
                "allow everything that the caller may call, or turn caching off",
            )


def identity_sources(template: Template) -> Iterator[Finding]:
    """API Gateway asks for the identity sources; Tollgate decides by the credential and the route."""
    for one in authorizers(template):
        if own_code(template, one) is not None:
            continue
        has_credential = any(
            source == "header.authorization" or source.startswith("querystring.") for source in one.identity
        )
        if one.identity and not has_credential:
            yield Finding(
                one.identity_line,
                "identity-source",
                f"{one.name}: the identity sources leave out the Authorization header, by which is decided",
                "name Authorization (or the token's own place, if the API's definition has another)",
            )
        elif not one.identity and one.ttl:
            yield Finding(
                one.identity_line,
                "identity-source",
                f"{one.name}: a cached answer needs an identity source",
                "name the Authorization header, and set the TTL to 0",
            )
        elif one.ttl and one.api.kind == HTTP and "context.routeKey" not in one.identity:
            yield Finding(
                one.identity_line,
                "identity-source",
                f"{one.name}: a cached answer for one route is used for every route",
                "add $context.routeKey, or set the TTL to 0",
            )


def dropped_aliases(template: Template) -> Iterator[Finding]:
    """`sam local` cannot read these, and serves the routes without any authorizer."""
    for one in authorizers(template):
        function = one.function
        if function is None or not one.api.is_sam:
            continue
        if any(_is_dropped(template, name) for name in _references(function)):
            yield Finding(
                function.line,
                "dropped-alias",
                f"{one.name}: sam local cannot read this FunctionArn and drops the authorizer: the routes are open",
                "write !Sub '${Function.Arn}:live' and DependsOn: FunctionAliaslive on the API",
            )


def _references(function: Node) -> Iterator[str]:
    """What is named by Ref, alone, inside a Sub or among its variables."""
    reference, sub = function.get("Ref"), function.get("Fn::Sub")
    if reference is not None:
        yield reference.text
    text, *variables = sub.items() if sub is not None else [Node("", 0)]
    yield from re.findall(r"\$\{([^}!]+)\}", text.text)
    for _, variable in variables[0].entries() if variables else ():
        yield from _references(variable)


def _is_dropped(template: Template, name: str) -> bool:
    """A function's Ref, its `.Alias`, or the alias that SAM makes: `<Function>Alias<name>`."""
    if name in template.resources:
        return template.resources[name].kind.endswith(("::Function", "::Alias"))
    return name.endswith(".Alias") or any(
        one.kind.endswith("::Function") and name.startswith(f"{one.name}Alias") for one in template.resources.values()
    )


def answer_shapes(template: Template) -> Iterator[Finding]:
    """An answer of another shape than the API was told is a 500 for every call."""
    for one in authorizers(template):
        is_simple = bool((node := _shape(one.node)) and node.text == "true")
        line = node.line if node else one.line
        if one.api.kind == REST and one.payload == "TOKEN" and one.api.variable("tollgateLimits"):
            yield Finding(
                one.line,
                "token-event",
                f"{one.name}: a TOKEN event carries no stage variables, so tollgateLimits is not seen",
                "set FunctionPayloadType: REQUEST (Type: REQUEST)",
            )
        if one.api.kind != HTTP or own_code(template, one) is not None:
            continue
        wants_iam = one.api.variable("tollgateResponse") == "iam"
        if one.payload == "2.0" and is_simple == wants_iam:
            yield Finding(
                line,
                "answer-shape",
                f"{one.name}: Tollgate answers payload 2.0 {'with a policy' if wants_iam else 'simply'}, "
                "the API expects otherwise",
                "set EnableSimpleResponses: true, or only the stage variable tollgateResponse: iam",
            )
        if one.payload == "1.0" and is_simple:
            yield Finding(
                line,
                "answer-shape",
                f"{one.name}: payload 1.0 has no simple responses",
                'set the payload version to "2.0"',
            )


def _shape(node: Node) -> Node | None:
    paths = (("EnableSimpleResponses",), ("Properties", "EnableSimpleResponses"), ("enableSimpleResponses",))
    return next((found for path in paths if (found := node.get(*path)) is not None), None)
