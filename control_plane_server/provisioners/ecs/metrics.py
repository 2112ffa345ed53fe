"""Counts the requests to AWS, botocore's own retries included."""

from collections.abc import Mapping
from typing import Any

import aioboto3
from prometheus_client import Counter

from control_plane_server.provisioners.ecs.failures import is_throttled

_CALLS = Counter(
    "control_plane_aws_calls",
    "Requests sent to AWS, by what came of them: ok, throttled, error, no_answer.",
    ["service", "operation", "result"],
)


def count_calls(session: aioboto3.Session) -> None:
    """Count the requests of all clients that the session makes from now on."""
    session.events.register("response-received", _count)


def _count(*, event_name: str, parsed_response: Mapping[str, Any] | None, **_rest: object) -> None:
    """`event_name`: response-received.<service>.<operation>, see botocore's `Endpoint`."""
    _, service, operation = event_name.split(".")
    _CALLS.labels(service, operation, _result(parsed_response)).inc()


def _result(parsed_response: Mapping[str, Any] | None) -> str:
    if parsed_response is None:
        return "no_answer"
    error = parsed_response.get("Error")
    if not error:
        return "ok"
    return "throttled" if is_throttled(error.get("Code", ""), error.get("Message", "")) else "error"
