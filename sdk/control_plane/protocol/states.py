"""How an invocation stands, by the rules that all of the API's clients share."""

from __future__ import annotations

from typing import Any, Dict

Document = Dict[str, Any]

SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
CANCELLED = "CANCELLED"
TIMED_OUT = "TIMED_OUT"
CANCELLING = "CANCELLING"
RUNNING = "RUNNING"
_NOT_FINAL = (RUNNING, CANCELLING)


def has_ended(document: Document) -> bool:
    """Success counts as soon as it is reported, even if the container is still there."""
    return status_of(document) not in _NOT_FINAL


def status_of(document: Document) -> str:
    """The outcome that the control plane has recorded, which may be ABORTED, too; until then SUCCEEDED, TIMED_OUT,
    CANCELLED, FAILED, CANCELLING or RUNNING: the first that applies.

    Unlike the published client, an invocation that ended without a cancellation and without success has FAILED, even if
    it had attempts left: its function could not be prepared.
    """
    if document.get("outcome") is not None:  # earlier releases record none
        return str(document["outcome"])
    spec = document["execution_spec"]
    deadline = document["creation_time"] + document.get("delay_seconds", 0) + spec["timeout_seconds"]
    executions = document["executions"]
    aborted = [execution for execution in executions if _is_aborted(execution)]
    if any(execution["outcome"] == SUCCEEDED for execution in executions):
        return SUCCEEDED
    if aborted:
        signals = [execution["termination_signal_time"] for execution in aborted]
        return TIMED_OUT if any(signal is not None and signal > deadline for signal in signals) else CANCELLED
    if sum(_is_failed(execution) for execution in executions) > spec["max_retries"]:
        return FAILED
    if document["invocation_status"] == "TERMINATED":
        return _ending(document, deadline)
    return RUNNING if document["cancellation_request_time"] is None else CANCELLING


def error_of(document: Document) -> str | None:
    """What the control plane has recorded, which earlier releases do not; else the last that was said about what went
    wrong."""
    recorded: str | None = document.get("error_message")
    if recorded is not None:
        return recorded
    errors = [execution["error_message"] for execution in document["executions"] if execution["error_message"]]
    preparation_error: str | None = document["preparation_error"]
    return errors[-1] if errors else preparation_error


def output_of(document: Document) -> str | None:
    """What the successful attempt returned."""
    for execution in document["executions"]:
        if execution["outcome"] == SUCCEEDED:
            output: str | None = execution["output"]
            return output
    return None


def output_blob_of(document: Document) -> str | None:
    """The id of what the successful attempt returned, where that is too large for an answer."""
    for execution in document["executions"]:
        if execution["outcome"] == SUCCEEDED:
            blob_id: str | None = execution.get("output_blob")
            return blob_id
    return None


def _ending(document: Document, deadline: int) -> str:
    if document["last_update_time"] > deadline:
        return TIMED_OUT
    return FAILED if document["cancellation_request_time"] is None else CANCELLED


def _is_aborted(execution: Document) -> bool:
    if execution["outcome"] is not None:
        return bool(execution["outcome"] == "ABORTED")
    was_signalled = execution["termination_signal_time"] is not None
    return execution["worker_status"] == "TERMINATED" and was_signalled and execution["execution_start_time"] is None


def _is_failed(execution: Document) -> bool:
    if execution["outcome"] is not None:
        return bool(execution["outcome"] == FAILED)
    return execution["worker_status"] == "TERMINATED" and not _is_aborted(execution)
