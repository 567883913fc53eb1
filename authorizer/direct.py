"""A request that is described by its parts, where no event of API Gateway describes it. Loaded where it is needed."""

from authorizer.events import Answer, Arn, Request, decode_path


def describe_request(
    credential: str, *, method: str, path: str, source: str, api_name: str = "", gateway: str = ""
) -> Request:
    """The request that presents a credential to an API, known by its name, by `<api id>/<stage>`, or by both.

    `path` is still encoded, as in the line of a request; `source` is empty where no address is known.
    """
    api_id, _, stage = gateway.partition("/")
    return Request(
        answer=Answer.HTTP_SIMPLE,  # which can allow any request alone
        arn=Arn("", api_id, stage, method, path, ""),
        api_name=api_name,
        method=method,
        path=decode_path(path),
        source=source,
        has_429_channel=False,
        integration_refuses=False,
        event={"type": "TOKEN", "authorizationToken": credential},
    )
