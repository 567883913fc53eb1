"""The boto3 client behind the same interface, for everything that is not the authorizer."""

import re
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from store.errors import UnavailableError, translate

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class BotoClient:
    """Speaks to one service ("dynamodb", "secretsmanager") through boto3."""

    def __init__(self, service: str, **options: Any) -> None:
        config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=2, read_timeout=5)
        self._client: Any = boto3.client(service, config=config, **options)  # type: ignore[call-overload] # name at run time

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Perform an operation. Raises a StoreError."""
        try:
            answer: dict[str, Any] = getattr(self._client, _WORD.sub("_", operation).lower())(**request)
        except ClientError as error:
            body: dict[str, Any] = dict(error.response)
            raise translate(error.response["Error"]["Code"], body) from error
        except BotoCoreError as error:
            message = f"no answer to {operation}"
            raise UnavailableError(message) from error
        answer.pop("ResponseMetadata", None)
        return answer
