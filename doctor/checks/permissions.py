"""API Gateway must be allowed to invoke the authorizer; else every call is a 500."""

from collections.abc import Iterator

from doctor.apis import REST, Authorizer, authorizers
from doctor.findings import Finding
from doctor.template import Template, names_in


def invoke_permissions(template: Template) -> Iterator[Finding]:
    """A role, a permission that SAM makes, or one in the template."""
    for one in authorizers(template):
        if not (_sam_permits(one) or _has_role(template, one) or _is_permitted(template, one)):
            yield Finding(
                one.line,
                "no-permission",
                f"{one.name}: API Gateway may not invoke the function, so every call is a 500",
                "set EnableFunctionDefaultPermissions: true (SAM), or add an AWS::Lambda::Permission "
                "for apigateway.amazonaws.com with SourceArn …/authorizers/*",
            )


def _sam_permits(one: Authorizer) -> bool:
    if not one.api.is_sam:
        return False
    if one.api.kind == REST:
        disabled = one.node.get("DisableFunctionDefaultPermissions")
        return disabled is None or disabled.text != "true"
    enabled = one.node.get("EnableFunctionDefaultPermissions")
    return enabled is not None and enabled.text == "true"


def _has_role(template: Template, one: Authorizer) -> bool:
    names = ("FunctionInvokeRole", "AuthorizerCredentials", "AuthorizerCredentialsArn", "authorizerCredentials")
    if any(one.node.get(name) or one.node.get("Properties", name) for name in names):
        return True
    return one.api.is_sam and template.setting(one.api.resource, "Auth", "InvokeRole") is not None


def _is_permitted(template: Template, one: Authorizer) -> bool:
    wanted = names_in(one.function)
    return any(
        permission.text("Principal") == "apigateway.amazonaws.com"
        and wanted & (names_in(permission.get("FunctionName")) | {permission.text("FunctionName")})
        for permission in template.of("AWS::Lambda::Permission")
    )
