"""Ends of tasks, which EventBridge sends through an SQS queue, so that all tasks need be polled only once a minute.

Source: Amazon ECS developer guide, "Amazon ECS task state change events".
"""

import json
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import structlog

from control_plane_server.provisioners.ecs.calls import translate_errors

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient

logger = structlog.get_logger(__name__)

_TASK_ARN = re.compile(r"arn:[a-z-]+:ecs:[a-z0-9-]+:\d{12}:task/[A-Za-z0-9_/-]{1,600}", re.ASCII)
_ENDED = ("DEPROVISIONING", "STOPPED")  # with the first, what has reported is over
_MOST_MESSAGES = 10
_WAIT_SECONDS = 20  # the longest that SQS holds a request open: an idle queue costs three calls a minute


class TaskEvents:
    """Implements `provisioners.contract.ContainerEvents`. Any number of processes may share the queue."""

    def __init__(self, sqs: "SQSClient", *, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    async def receive(self) -> AsyncIterator[tuple[str, ...]]:
        """ARNs of tasks whose containers have ended, some at a time. A long poll takes 20 s."""
        while True:
            with translate_errors("sqs:ReceiveMessage"):
                answer = await self._sqs.receive_message(
                    QueueUrl=self._queue_url, MaxNumberOfMessages=_MOST_MESSAGES, WaitTimeSeconds=_WAIT_SECONDS
                )
            messages = answer.get("Messages", [])
            arns = {arn for message in messages if (arn := _ended_task(message.get("Body", ""))) is not None}
            if arns:
                yield tuple(arns)
            if messages:  # only now: if the process dies before, another one receives them
                with translate_errors("sqs:DeleteMessage"):
                    await self._sqs.delete_message_batch(
                        QueueUrl=self._queue_url,
                        Entries=[
                            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                            for number, message in enumerate(messages)
                        ],
                    )


def _ended_task(body: str) -> str | None:
    """The ARN of the task in a message whose containers have ended; None for any other text, which is logged: the queue
    may hold anything."""
    try:
        event: dict[str, Any] = json.loads(body)
        detail = event["detail"]
        if detail["lastStatus"] not in _ENDED:
            return None
        if _TASK_ARN.fullmatch(detail["taskArn"]):
            return str(detail["taskArn"])
    except (ValueError, LookupError, TypeError):
        pass
    logger.warning("message_is_no_task_event", body=body[:200])
    return None
