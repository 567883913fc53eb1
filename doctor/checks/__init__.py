"""The checks: each reads a template and yields what it finds."""

from collections.abc import Callable, Iterable

from doctor.checks import authorizers, channels, permissions, preflight, responses
from doctor.findings import Finding
from doctor.template import Template

CHECKS: tuple[Callable[[Template], Iterable[Finding]], ...] = (
    authorizers.cached_results,
    authorizers.bound_policies,
    authorizers.identity_sources,
    authorizers.dropped_aliases,
    authorizers.answer_shapes,
    channels.rest_channel,
    channels.wrong_channel,
    permissions.invoke_permissions,
    preflight.blocked_preflights,
    responses.cors_headers,
    responses.mappings,
)


def examine(template: Template) -> list[Finding]:
    """Everything that is found, by line."""
    return sorted({finding for check in CHECKS for finding in check(template)})
