"""Reads from the API's answer how an invocation stands, by the rules that all of the API's clients share."""

from __future__ import annotations

from typing import Any

from control_plane.container import json_text
from control_plane.container.api import Document


class InvocationFailed(Exception):
    """A child did not succeed. `status` is FAILED, CANCELLED or TIMED OUT, `error` what it said, if anything."""

    def __init__(self, *, function_name: str, invocation_id: str, status: str, error: str | None) -> None:
        super().__init__("%s %s: %s%s" % (function_name, invocation_id, status, ": " + error if error else ""))
        self.function_name = function_name
        self.invocation_id = invocation_id
        self.status = status
        self.error = error


def has_ended(document: Document) -> bool:
    """Success counts as soon as it is reported, even if the container is still there."""
    return status_of(document) not in ("RUNNING", "CANCELLING")


def result_of(document: Document) -> Any:
    """What the function of an ended invocation returned. Raises InvocationFailed, json_text.NumberIsLost."""
    for execution in document["executions"]:
        if execution["outcome"] == "SUCCEEDED":
            return _value(execution["output"])
    errors = [execution["error_message"] for execution in document["executions"] if execution["error_message"]]
    raise InvocationFailed(
        function_name=document["function_name"],
        invocation_id=document["invocation_id"],
        status=status_of(document),
        error=errors[-1] if errors else None,
    )


def status_of(document: Document) -> str:
    """SUCCEEDED, TIMED OUT, CANCELLED, FAILED, CANCELLING or RUNNING: the first that applies.

    Unlike the published client, an invocation that ended without a cancellation and without success has FAILED, even if
    it had attempts left: its function could not be prepared.
    """
    spec = document["execution_spec"]
    deadline = document["creation_time"] + spec["timeout_seconds"]
    executions = document["executions"]
    aborted = [execution for execution in executions if _is_aborted(execution)]
    if any(execution["outcome"] == "SUCCEEDED" for execution in executions):
        return "SUCCEEDED"
    if aborted:
        signals = [execution["termination_signal_time"] for execution in aborted]
        return "TIMED OUT" if any(signal is not None and signal > deadline for signal in signals) else "CANCELLED"
    if sum(_is_failed(execution) for execution in executions) == spec["max_retries"] + 1:
        return "FAILED"
    if document["invocation_status"] == "TERMINATED":
        return _ending(document, deadline)
    return "RUNNING" if document["cancellation_request_time"] is None else "CANCELLING"


def _ending(document: Document, deadline: int) -> str:
    if document["last_update_time"] > deadline:
        return "TIMED OUT"
    return "FAILED" if document["cancellation_request_time"] is None else "CANCELLED"


def _is_aborted(execution: Document) -> bool:
    if execution["outcome"] is not None:
        return bool(execution["outcome"] == "ABORTED")
    was_signalled = execution["termination_signal_time"] is not None
    return execution["worker_status"] == "TERMINATED" and was_signalled and execution["execution_start_time"] is None


def _is_failed(execution: Document) -> bool:
    if execution["outcome"] is not None:
        return bool(execution["outcome"] == "FAILED")
    return execution["worker_status"] == "TERMINATED" and not _is_aborted(execution)


def _value(output: str | None) -> Any:
    """Functions report JSON; a command's output may be any text. Raises NumberIsLost."""
    if output is None:
        return None
    try:
        return json_text.read(output)
    except json_text.NumberIsLost:
        raise
    except (ValueError, RecursionError):
        return output
