"""Checks of the authorizers themselves."""

import re
from collections.abc import Iterator

from doctor.apis import HTTP, REST, WEBSOCKET, authorizers, inline_code
from doctor.findings import Finding
from doctor.template import Node, Template

_BOUND = re.compile(r"""Resource["']?\]?\s*[:=]\s*\[?\s*event(\.get\(|\[|\.)["']?(methodArn|routeArn)""")


def cached_results(template: Template) -> Iterator[Finding]:
    """A cached answer is neither counted nor revoked. Authorizers of the user's own are his affair."""
    for one in authorizers(template):
        if one.ttl != 0 and one.api.kind != WEBSOCKET and one.ttl is not None and inline_code(template, one) is None:
            yield Finding(
                one.ttl_line,
                "cached-result",
                f"{one.name}: answers are cached for {one.ttl} s, so requests go uncounted and revoked keys pass",
                "set ReauthorizeEvery: 0 (AuthorizerResultTtlInSeconds: 0)",
            )


def bound_policies(template: Template) -> Iterator[Finding]:
    """A cached policy for one method ARN refuses the caller's next path."""
    for one in authorizers(template):
        code = inline_code(template, one)
        found = _BOUND.search(code.text) if code is not None and one.ttl != 0 else None
        if code is not None and found is not None:
            breaks = code.text[: found.start()].count("\n")
            yield Finding(
                code.line + (breaks + 1 if "\n" in code.text.rstrip("\n") else 0),
                "bound-policy",
                f"{one.name}: a policy for this one {found[2]} is cached and refuses the caller's other paths",
                "allow everything that the caller may call, or turn caching off",
            )


def identity_sources(template: Template) -> Iterator[Finding]:
    """API Gateway asks for the identity sources; Tollgate decides by the credential and the route."""
    for one in authorizers(template):
        if inline_code(template, one) is not None:
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
        reference, sub = function.get("Ref"), function.get("Fn::Sub")
        name = reference.text if reference else ""
        target = template.resources.get(name.partition(".")[0])
        is_reference = target is not None and (name.endswith(".Alias") or target.kind.endswith("::Function"))
        if is_reference or ".Alias}" in (sub.text if sub else ""):
            yield Finding(
                function.line,
                "dropped-alias",
                f"{one.name}: sam local cannot read this FunctionArn and drops the authorizer: the routes are open",
                "write !Sub '${Function.Arn}:live' and DependsOn: FunctionAliaslive on the API",
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
        if one.api.kind != HTTP or inline_code(template, one) is not None:
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
    return node.get("EnableSimpleResponses") or node.get("Properties", "EnableSimpleResponses")
