"""Turn a decision into the answer that API Gateway takes.

Pure. An authorizer cannot choose a status: on REST APIs the error `Unauthorized` becomes a
401, a Deny a 403, and, where the API asks for an API key that the authorizer names, an Allow
that names an unknown one becomes a 429. HTTP APIs know allowed and forbidden only; where their
integrations promise to refuse limited requests, those are allowed with the reason in the context.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from access.decisions import AUTHENTICATION_REASONS, LIMIT_REASONS, Allow, Decision, Deny, LimitStatus
from access.gate import tightest
from access.grants import ANY, Grant, names_api
from access.paths import WILDCARD, has_dot_segment
from access.policies import Effective
from authorizer.authorize import Outcome
from authorizer.events import Answer, Arn, Request

REFUSED_USAGE_KEY = "limit-exceeded"  # in no usage plan, so API Gateway answers INVALID_API_KEY
MAX_ANSWER_BYTES = 8 * 1024  # of an authorizer, API Gateway's quota
MAX_RESOURCES = 24
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")  # all that API Gateway routes
_SMALL_BYTES = 1024  # of resources
_FRAME_BYTES = 512  # what of a policy answer is neither context nor resources

Context = dict[str, str | int | bool]
Statement = dict[str, str | list[str]]


class UnauthorizedError(Exception):
    """API Gateway turns exactly this text into a 401 on REST and WebSocket APIs."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def render(request: Request, outcome: Outcome, *, usage_key: str) -> dict[str, Any]:
    """The answer to API Gateway. Raises UnauthorizedError where that is the way to say 401."""
    decision, effective = outcome.decision, outcome.effective
    if isinstance(decision, Deny) and decision.reason in AUTHENTICATION_REASONS:
        if request.answer is Answer.REST:
            raise UnauthorizedError
        decision = Deny(decision.reason)
    is_allowed = isinstance(decision, Allow)
    context = context_of(decision, effective)
    is_limited = isinstance(decision, Deny) and decision.reason in LIMIT_REASONS
    takes_429 = is_limited and request.answer is Answer.REST and request.has_429_channel
    if is_limited and request.answer is not Answer.REST and request.integration_refuses:
        is_allowed = True  # the context holds the reason, and the integration promised to refuse by it
    if request.answer is Answer.HTTP_SIMPLE:
        return {"isAuthorized": is_allowed, "context": context}
    texts = {name: _as_text(value) for name, value in context.items()}
    passes = is_allowed or takes_429
    statements = _allow(request.arn, outcome, texts) if passes else [_statement("Deny", [f"{request.arn.base}/*"])]
    answer: dict[str, Any] = {
        "principalId": _principal(decision),
        "policyDocument": {"Version": "2012-10-17", "Statement": statements},
        "context": texts,
    }
    if request.answer is Answer.REST and (usage_key or takes_429):
        answer["usageIdentifierKey"] = REFUSED_USAGE_KEY if takes_429 else usage_key
    return answer


def _principal(decision: Decision) -> str:
    record = decision.record
    return (record.owner or record.key_hash) if record else "anonymous"


def context_of(decision: Decision, effective: Effective | None) -> Context:
    """What an integration hears of a decision."""
    record = decision.record
    context: Context = {
        "keyHash": record.key_hash if record else "",
        "keyName": record.name if record else "",
        "owner": record.owner if record else "",
        "policies": ",".join(record.policies) if record else "",
        "tags": ",".join(effective.tags) if effective else "",
        "reason": "",
        "retryAfter": "",
        "retryAfterJson": "null",
    }
    context |= _limit_fields("rateLimit", tightest([one for one in decision.limits if one.kind == "rate"]))
    context |= _limit_fields("quota", tightest([one for one in decision.limits if one.kind == "quota"]))
    telling = tightest(decision.limits)
    if isinstance(decision, Deny):
        context["reason"] = "" if decision.reason in AUTHENTICATION_REASONS else decision.reason.value
        telling = decision.refused_by
        if decision.retry_after_seconds is not None:
            context["retryAfter"] = decision.retry_after_seconds
            context["retryAfterJson"] = str(decision.retry_after_seconds)
    fields = _limit_fields("", telling)
    context |= {name[0].lower() + name[1:]: value for name, value in fields.items()}
    metadata = effective.metadata if effective else {}
    return context | {f"meta_{name}": value for name, value in metadata.items()}


def _limit_fields(prefix: str, status: LimitStatus | None) -> Context:
    if status is None:
        return {f"{prefix}Limit": "", f"{prefix}Remaining": "", f"{prefix}Reset": ""}
    return {
        f"{prefix}Limit": status.limit,
        f"{prefix}Remaining": status.remaining,
        f"{prefix}Reset": "" if status.resets_at is None else status.resets_at,
    }


def _as_text(value: str | int | bool) -> str:  # noqa: FBT001 - one of three types of value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allow(arn: Arn, outcome: Outcome, context: dict[str, str]) -> list[Statement]:
    """What was asked for, and what else of the key's grants a policy can say exactly: never more.

    In an ARN `*` crosses segments and takes dot segments along, so no wildcard of a grant is
    exact. A list that is too long for an answer is left out.
    """
    asked, exceptions = arn.as_pattern()
    if exceptions:
        return [_statement("Allow", [asked]), _statement("Deny", exceptions)]
    grants = outcome.effective.grants if outcome.effective else ()
    named = [grant for grant in grants if names_api(grant, outcome.apis)]
    resources = [*dict.fromkeys([asked, *_exact_resources(arn.base, named)])]
    fits = len(resources) <= MAX_RESOURCES and _fits(resources, context)
    return [_statement("Allow", resources if fits else [asked])]


def _statement(effect: str, resources: list[str]) -> Statement:
    return {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resources}


def _exact_resources(base: str, grants: Sequence[Grant]) -> Iterable[str]:
    """The resources of grants without wildcards."""
    for grant in filter(_is_exact, grants):
        for method in _METHODS if ANY in grant.methods else grant.methods:
            yield f"{base}/{method}{grant.path}"


def _is_exact(grant: Grant) -> bool:
    """Whether the ARN of the path, read as a pattern and not decoded, is what the grant covers."""
    path = grant.path
    is_plain = path.startswith("/") and "%" not in path and "?" not in path and not WILDCARD.search(path)
    return is_plain and not has_dot_segment(path)


def _fits(resources: list[str], context: dict[str, str]) -> bool:
    taken = sum(len(one) + 4 for one in resources)
    if taken <= _SMALL_BYTES:  # the usual case: measuring costs more than leaving them out would save
        return True
    return taken + len(json.dumps(context)) + _FRAME_BYTES <= MAX_ANSWER_BYTES
