"""How an attempt and an invocation that failed are shown by Temporal: red, with the user's message."""

from collections.abc import Awaitable

from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory

from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
from control_plane_server.domain.messages import FailedAttempt, InvocationResult, RunExecutionResult

_WITHOUT_MESSAGE = {
    InvocationOutcome.FAILED: "The last attempt failed without a message",
    InvocationOutcome.ABORTED: "The container was stopped from outside",
    InvocationOutcome.CANCELLED: "Cancelled",
    InvocationOutcome.TIMED_OUT: "Timed out",
    InvocationOutcome.SUCCEEDED: "",
}


def of_attempt(result: RunExecutionResult) -> ApplicationError:
    """What `run_execution` raises for an attempt that failed: expected, and never tried again as the same attempt. Its
    type is FAILED or ABORTED."""
    outcome = result.outcome or ExecutionOutcome.FAILED
    return _expected(result.error_message, FailedAttempt(result=result), outcome=InvocationOutcome(outcome))


def of_invocation(result: InvocationResult) -> ApplicationError:
    """What the workflow of an invocation that did not succeed closes with. Its type is the outcome; its details hold
    the result."""
    return _expected(result.error_message, result, outcome=result.ending)


def is_failed_attempt(result: RunExecutionResult) -> bool:
    """Whether the attempt ended, without success, and not because somebody stopped it."""
    return result.outcome is ExecutionOutcome.FAILED or (
        result.outcome is not ExecutionOutcome.SUCCEEDED and result.was_stopped is False
    )


async def result_of(execution: Awaitable[RunExecutionResult]) -> RunExecutionResult:
    """The result of an attempt, also of one that failed.

    Raises RuntimeError for a failure that is none of an attempt: what is ours closes no workflow.
    """
    try:
        return await execution
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError):
            for detail in error.cause.details:
                if isinstance(detail, FailedAttempt):
                    return detail.result
        raise RuntimeError(f"{error.activity_type} failed by a defect: {error.cause}") from error


def _expected(message: str | None, detail: object, *, outcome: InvocationOutcome) -> ApplicationError:
    return ApplicationError(
        message or _WITHOUT_MESSAGE[outcome],
        detail,
        type=outcome,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )
