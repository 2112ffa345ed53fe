"""What Temporal is told of attempts that failed, and what is read from it."""

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory, RetryState

from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.messages import AttemptState, FailedAttempt, RunExecutionResult
from control_plane_server.orchestration.payloads import data_converter
from workflows import failures

FAILED = RunExecutionResult(state=AttemptState.ENDED, outcome=ExecutionOutcome.FAILED, error_message="no")


async def activity_that_failed(cause: BaseException) -> RunExecutionResult:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=5,
        started_event_id=6,
        identity="",
        activity_type="run_execution",
        activity_id="exe",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    raise error


async def test_a_failure_goes_to_the_workflow_and_back() -> None:
    failure = Failure()
    await data_converter.encode_failure(failures.of_attempt(FAILED), failure)
    error = await data_converter.decode_failure(failure)
    assert isinstance(error, ApplicationError)
    assert (error.message, error.type, error.non_retryable) == ("no", "FAILED", True)
    assert error.category is ApplicationErrorCategory.BENIGN
    assert await failures.result_of(activity_that_failed(error)) == FAILED


async def test_a_release_that_does_not_know_the_failure_cannot_take_it_for_its_own() -> None:
    failure = Failure()
    await data_converter.encode_failure(failures.of_attempt(FAILED), failure)
    with pytest.raises(KeyError, match="Unknown payload encoding"):
        await pydantic_data_converter.decode_failure(failure)


async def test_a_defect_of_ours_is_no_failure_of_an_attempt() -> None:
    """A RuntimeError has the workflow task tried again; any failure of Temporal would close the workflow."""
    with pytest.raises(RuntimeError, match="run_execution failed by a defect: broken"):
        await failures.result_of(activity_that_failed(ApplicationError("broken", {"state": "ENDED"})))


@pytest.mark.parametrize(
    ("outcome", "was_stopped", "expected"),
    [
        (ExecutionOutcome.SUCCEEDED, False, False),
        (ExecutionOutcome.SUCCEEDED, True, False),
        (ExecutionOutcome.FAILED, False, True),
        (ExecutionOutcome.FAILED, True, True),
        (ExecutionOutcome.ABORTED, False, True),
        (ExecutionOutcome.ABORTED, True, False),
        (None, False, True),
        (None, True, False),
    ],
)
def test_what_was_stopped_did_not_fail(outcome: ExecutionOutcome | None, *, was_stopped: bool, expected: bool) -> None:
    result = RunExecutionResult(state=AttemptState.ENDED, outcome=outcome, was_stopped=was_stopped)
    assert failures.is_failed_attempt(result) is expected


def test_a_failed_attempt_without_a_message_says_what_is_known() -> None:
    result = RunExecutionResult(state=AttemptState.ENDED, outcome=ExecutionOutcome.ABORTED, was_stopped=False)
    error = failures.of_attempt(result)
    assert (error.message, error.type) == ("The container was stopped from outside", "ABORTED")
    assert error.details == (FailedAttempt(result=result),)
