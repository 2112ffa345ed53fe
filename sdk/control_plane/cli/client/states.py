"""How an invocation stands, by the rules that all of the API's clients share (as in `runtime/invocation_states.py`)."""

from enum import StrEnum

from control_plane.cli.client.answers import Execution, Invocation


class Status(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    CANCELLING = "cancelling"
    RUNNING = "running"

    @property
    def is_final(self) -> bool:
        return self not in (Status.RUNNING, Status.CANCELLING)


def status_of(invocation: Invocation) -> Status:
    """The first that applies. Success counts as soon as it is reported, even if the container is still there."""
    deadline = invocation.creation_time + invocation.execution_spec.timeout_seconds
    aborted = [execution for execution in invocation.executions if _is_aborted(execution)]
    if invocation.has_succeeded:
        return Status.SUCCEEDED
    if aborted:
        signals = [execution.termination_signal_time for execution in aborted]
        is_late = any(signal is not None and signal > deadline for signal in signals)
        return Status.TIMED_OUT if is_late else Status.CANCELLED
    if sum(_is_failed(execution) for execution in invocation.executions) > invocation.execution_spec.max_retries:
        return Status.FAILED
    if invocation.invocation_status == "TERMINATED":
        if invocation.last_update_time > deadline:
            return Status.TIMED_OUT
        return Status.FAILED if invocation.cancellation_request_time is None else Status.CANCELLED
    return Status.RUNNING if invocation.cancellation_request_time is None else Status.CANCELLING


def state_of(invocation: Invocation) -> str:
    """The status, and of what runs how far it has come, in one word for people."""
    status = status_of(invocation)
    if status is not Status.RUNNING:
        return status
    if invocation.latest is None:
        return "queued"
    return "running" if invocation.latest.worker_status == "RUNNING" else "starting"


def error_of(invocation: Invocation) -> str | None:
    """The last that was said about what went wrong."""
    errors = [execution.error_message for execution in invocation.executions if execution.error_message]
    return errors[-1] if errors else invocation.preparation_error


def output_of(invocation: Invocation) -> str | None:
    """What the successful attempt returned."""
    return next((execution.output for execution in invocation.executions if execution.outcome == "SUCCEEDED"), None)


def _is_aborted(execution: Execution) -> bool:
    if execution.outcome is not None:
        return execution.outcome == "ABORTED"
    was_signalled = execution.termination_signal_time is not None
    return execution.worker_status == "TERMINATED" and was_signalled and execution.execution_start_time is None


def _is_failed(execution: Execution) -> bool:
    if execution.outcome is not None:
        return execution.outcome == "FAILED"
    return execution.worker_status == "TERMINATED" and not _is_aborted(execution)
