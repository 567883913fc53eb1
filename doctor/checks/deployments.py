"""Stages, deployments and integrations: what is there, and in time."""

from collections.abc import Iterator

from doctor.checks.check import ERROR, Check, Fault, Remedy, of_each
from doctor.model import Api, Guard, Kind


def second_stages(api: Api) -> Iterator[Fault]:
    if api.makes_second_stage:
        yield Fault(api.place)


def cached_responses(api: Api) -> Iterator[Fault]:
    for stage in api.stages:
        if stage.is_caching is not None and any(route.guard is Guard.TOLLGATE for route in api.routes):
            yield Fault(stage.place.of(stage.is_caching))


def silent_mocks(api: Api) -> Iterator[Fault]:
    for mock in api.silent_mocks:
        yield Fault(mock.place)


def early_deployments(api: Api) -> Iterator[Fault]:
    for deployment in api.deployments:
        if deployment.missing:
            yield Fault(deployment.place, ", ".join(deployment.missing))


CHECKS = (
    Check(
        "second-stage",
        ERROR,
        of_each(second_stages, Kind.REST),
        "SAM makes a second stage named Stage, without stage variables or usage plan: "
        "it knows neither the API's name nor the 429 channel",
        Remedy('set OpenApiVersion: "3.0.1" under Globals, Api'),
    ),
    Check(
        "shared-responses",
        ERROR,
        of_each(cached_responses, Kind.REST),
        "the stage caches responses: what is made for one caller is given to another",
        Remedy(
            "take CachingEnabled out; or put Authorization into the cache key, and accept this finding",
            terraform="take caching_enabled out; or put Authorization into the cache key, and accept this finding",
        ),
    ),
    Check(
        "silent-mock",
        ERROR,
        of_each(silent_mocks, Kind.WEBSOCKET),
        "a mock integration needs an integration response: without one the route fails",
        Remedy(
            "add an AWS::ApiGatewayV2::IntegrationResponse with IntegrationResponseKey: $default",
            terraform='add an aws_apigatewayv2_integration_response with integration_response_key = "$default"',
        ),
    ),
    Check(
        "early-deployment",
        ERROR,
        of_each(early_deployments),
        "the deployment does not wait for these, so the stage may be without them",
        Remedy(
            "name them in DependsOn of the deployment",
            terraform="name them in depends_on of the deployment, and their content in its triggers",
        ),
    ),
)
