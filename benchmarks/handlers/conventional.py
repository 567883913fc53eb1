"""An authorizer as it is usually written: boto3, PyJWT, Powertools; a read and a counting write."""

import os
import time
from typing import Any

import boto3
import jwt
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

logger = Logger(service="authorizer")
metrics = Metrics(namespace="Conventional", service="authorizer")
table = os.environ["TABLE_NAME"]
dynamodb: Any = boto3.client("dynamodb")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Verify the token by the secret of its key, count the request, answer."""
    token = event["headers"]["authorization"].removeprefix("Bearer ")
    try:
        key_id = jwt.get_unverified_header(token)["kid"]
        record = dynamodb.get_item(
            TableName=table, Key={"PK": {"S": f"PLAIN#{key_id}"}, "SK": {"S": "RECORD"}}, ConsistentRead=True
        )["Item"]
        jwt.decode(token, record["secret"]["S"], algorithms=["HS256"], options={"require": ["exp"]})
        window = f"w{int(time.time()) // 60}"
        dynamodb.update_item(
            TableName=table,
            Key={"PK": {"S": f"PLAIN#{key_id}"}, "SK": {"S": "COUNTS"}},
            UpdateExpression="ADD #w :one, #q :one",
            ConditionExpression=(
                "(attribute_not_exists(#w) OR #w <= :rate) AND (attribute_not_exists(#q) OR #q <= :quota)"
            ),
            ExpressionAttributeNames={"#w": window, "#q": "quota"},
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":rate": {"N": record["rate"]["N"]},
                ":quota": {"N": record["quota"]["N"]},
            },
        )
    except (jwt.PyJWTError, KeyError, ClientError) as error:
        logger.info("refused", reason=type(error).__name__)
        metrics.add_metric(name="refused", unit=MetricUnit.Count, value=1)
        return {"isAuthorized": False}
    logger.info("allowed")
    metrics.add_metric(name="allowed", unit=MetricUnit.Count, value=1)
    return {"isAuthorized": True, "context": {"keyName": record["name"]["S"]}}
