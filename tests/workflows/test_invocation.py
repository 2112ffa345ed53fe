"""The life of an invocation on the time-skipping server: what is asked of the activities, when, and how it ends."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory
from temporalio.exceptions import ApplicationErrorCategory

from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.messages import (
    ContainerAwaited,
    RunExecutionRequest,
    RunExecutionResult,
    SlotGranted,
    StopReason,
)
from tests.workflows.scripted_invocations import (
    ABORTED,
    QUEUED,
    REFUSED,
    SUCCEEDED,
    Container,
    InvocationStarter,
    ScriptedInvocation,
    answers,
    fail,
    state_of,
)
from workflows import naming
from workflows.invocation import InvocationWorkflow


def kinds_of(history: WorkflowHistory) -> list[str]:
    return [EventType.Name(event.event_type) for event in history.events]


async def attempts_of(it: ScriptedInvocation) -> int:
    return (await it.handle.describe()).typed_search_attributes[naming.ATTEMPTS]


async def test_the_common_case_is_one_activity_and_one_timer(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(SUCCEEDED)) as it:
        result = await it.handle.result()
        assert result.ending is InvocationOutcome.SUCCEEDED
        history = await it.handle.fetch_history()
        kinds = kinds_of(history)
        assert kinds.count("EVENT_TYPE_ACTIVITY_TASK_SCHEDULED") == 1
        assert kinds.count("EVENT_TYPE_TIMER_STARTED") == 1
        assert len(kinds) == 13
        scheduled = next(e for e in history.events if e.HasField("activity_task_scheduled_event_attributes"))
        activity_id = scheduled.activity_task_scheduled_event_attributes.activity_id
        assert activity_id == it.activities.executions[0].execution_id


async def test_a_failing_function_is_tried_again_with_growing_waits(start_invocation: InvocationStarter) -> None:
    async with start_invocation(fail, fail, fail, *answers(SUCCEEDED), max_retries=3) as it:
        result = await it.handle.result()
        times = it.activities.times
    assert (result.ending, result.executions) == (InvocationOutcome.SUCCEEDED, 4)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    for wait, expected in zip(waits, (1, 2, 4), strict=True):
        assert timedelta(seconds=expected) <= wait < timedelta(seconds=expected + 1)
    executions = it.activities.executions
    assert [execution.is_last_attempt for execution in executions] == [False, False, False, True]
    assert len({execution.execution_id for execution in executions}) == 4


async def test_the_last_failure_ends_it(start_invocation: InvocationStarter) -> None:
    async with start_invocation(fail, fail, max_retries=1) as it:
        failure, result = await it.failure()
        description = await it.handle.describe()
        history = await it.handle.fetch_history()
    assert (failure.type, failure.message) == ("FAILED", "ValueError: no")
    assert failure.category is ApplicationErrorCategory.BENIGN
    assert (result.ending, result.executions, result.error_message) == (InvocationOutcome.FAILED, 2, "ValueError: no")
    assert description.status is WorkflowExecutionStatus.FAILED
    failed = [
        event.activity_task_failed_event_attributes.failure
        for event in history.events
        if event.HasField("activity_task_failed_event_attributes")
    ]
    assert [(one.message, one.application_failure_info.type) for one in failed] == [("ValueError: no", "FAILED")] * 2
    attributes = description.typed_search_attributes
    assert (attributes[naming.STATUS], attributes[naming.ATTEMPTS]) == ("FAILED", 2)


async def test_an_aborted_execution_is_not_tried_again(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(ABORTED), max_retries=5) as it:
        failure, result = await it.failure()
        assert (failure.type, result.ending) == ("ABORTED", InvocationOutcome.ABORTED)


async def test_retry_now_skips_the_wait(start_invocation: InvocationStarter) -> None:
    container = Container(SUCCEEDED)
    async with start_invocation(fail, fail, fail, fail, fail, container, max_retries=9) as it:
        for _ in range(5):
            await state_of(it, "backing off")
            await it.handle.signal(InvocationWorkflow.retry_now)
        await container.started.wait()
        container.released.set()
        await it.handle.result()
        times = it.activities.times
    assert times[-1] - times[0] < timedelta(seconds=1 + 2 + 4 + 8 + 16)


async def test_a_queued_execution_waits_for_its_signal_and_keeps_its_id(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(QUEUED, SUCCEEDED)) as it:
        await state_of(it, "queued")
        asked = it.activities.executions[0]
        await it.handle.signal(InvocationWorkflow.slot_granted, SlotGranted(execution_id=asked.execution_id))
        assert (await it.handle.result()).ending is InvocationOutcome.SUCCEEDED
        assert it.activities.executions == [asked, replace(asked, has_slot=True)]
        assert not asked.has_slot


async def test_a_grant_that_comes_before_the_answer_is_not_lost(start_invocation: InvocationStarter) -> None:
    container = Container(QUEUED)
    async with start_invocation(container, *answers(SUCCEEDED)) as it:
        await container.started.wait()
        granted = SlotGranted(execution_id=it.activities.executions[0].execution_id)
        await it.handle.signal(InvocationWorkflow.slot_granted, granted)
        container.released.set()
        assert (await it.handle.result()).ending is InvocationOutcome.SUCCEEDED


async def test_cancelling_stops_the_container_and_waits_for_it(start_invocation: InvocationStarter) -> None:
    container = Container(ABORTED)
    async with start_invocation(container, max_retries=3) as it:
        await container.started.wait()
        await it.handle.cancel()
        await state_of(it, "stopping")
        while not it.activities.stops:
            await asyncio.sleep(0.01)
        await it.handle.cancel()
        container.released.set()
        await it.is_cancelled()
        assert [stop.reason for stop in it.activities.stops] == [StopReason.CANCELLED]
        assert it.activities.endings == []


async def test_a_result_that_beats_the_cancellation_stands(start_invocation: InvocationStarter) -> None:
    container = Container(SUCCEEDED)
    async with start_invocation(container) as it:
        await container.started.wait()
        await it.handle.cancel()
        await state_of(it, "stopping")
        container.released.set()
        assert (await it.handle.result()).ending is InvocationOutcome.SUCCEEDED


async def test_a_result_that_is_recorded_but_not_told_when_the_stop_comes_stands(
    start_invocation: InvocationStarter,
) -> None:
    container = Container(SUCCEEDED)
    async with start_invocation(container) as it:
        await container.started.wait()
        await it.handle.cancel()
        while not it.activities.stops:
            await asyncio.sleep(0.01)
        container.released.set()
        assert (await it.handle.result()).ending is InvocationOutcome.SUCCEEDED


async def test_a_stop_in_the_back_off_counts_no_execution_that_never_was(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*[fail] * 6, max_retries=9, timeout_seconds=40) as it:
        _, result = await it.failure()
        progress = await it.handle.query(InvocationWorkflow.status)
    assert (result.ending, result.executions, len(it.activities.executions)) == (InvocationOutcome.TIMED_OUT, 6, 6)
    assert (progress.attempt, progress.execution_id) == (6, it.activities.executions[-1].execution_id)


async def test_an_execution_that_had_a_slot_counts_though_it_never_had_a_container(
    start_invocation: InvocationStarter,
) -> None:
    async with start_invocation(*answers(QUEUED, REFUSED)) as it:
        await state_of(it, "queued")
        granted = SlotGranted(execution_id=it.activities.executions[0].execution_id)
        await it.handle.signal(InvocationWorkflow.slot_granted, granted)
        await it.is_cancelled()
        assert await attempts_of(it) == 1


async def test_cancelling_while_queued_ends_without_a_container(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(QUEUED)) as it:
        await state_of(it, "queued")
        await it.handle.cancel()
        await it.is_cancelled()
        assert (len(it.activities.stops), len(it.activities.endings)) == (0, 1)


async def test_cancelling_between_attempts_makes_no_further_one(start_invocation: InvocationStarter) -> None:
    async with start_invocation(fail, max_retries=3) as it:
        await state_of(it, "backing off")
        await it.handle.cancel()
        await it.is_cancelled()
        assert (len(it.activities.executions), len(it.activities.endings)) == (1, 1)


async def test_an_invocation_that_the_catalog_refuses_is_ended(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(REFUSED)) as it:
        await it.is_cancelled()
        assert [ending.cancels_workflow for ending in it.activities.endings] == [False, True]


async def test_an_invocation_that_nobody_cancels_in_temporal_closes_all_the_same(
    start_invocation: InvocationStarter,
) -> None:
    async with start_invocation(*answers(REFUSED)) as it:
        it.activities.cancels = False
        failure, result = await it.failure()
    assert (failure.type, result.ending) == ("CANCELLED", InvocationOutcome.CANCELLED)


async def test_the_timeout_stops_the_container(start_invocation: InvocationStarter) -> None:
    """The server skips no time while an activity runs: the invocation is born a second before its deadline."""

    async def run_until_stopped(request: RunExecutionRequest) -> RunExecutionResult:
        while not it.activities.stops:
            await asyncio.sleep(0.01)
        return ABORTED

    async with start_invocation(run_until_stopped, timeout_seconds=7_200, age=timedelta(seconds=7_199.5)) as it:
        assert (await it.failure())[0].type == "TIMED_OUT"
        assert [stop.reason for stop in it.activities.stops] == [StopReason.TIMED_OUT]


async def test_the_timeout_covers_the_queue(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(QUEUED), timeout_seconds=7_200) as it:
        _, result = await it.failure()
        assert (result.ending, result.executions) == (InvocationOutcome.TIMED_OUT, 0)
        assert len(it.activities.endings) == 1


async def test_the_time_in_the_queue_may_be_limited(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(QUEUED), queue_timeout_seconds=600) as it:
        failure, result = await it.failure()
        (ending,) = it.activities.endings
    assert (failure.type, result.executions, ending.reason) == ("TIMED_OUT", 0, StopReason.TIMED_OUT)
    assert failure.message == "timed out after 1 s"


async def test_the_time_in_the_queue_is_over_with_the_first_slot(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(QUEUED), fail, *answers(QUEUED), max_retries=1, queue_timeout_seconds=5) as it:
        await state_of(it, "queued")
        granted = SlotGranted(execution_id=it.activities.executions[0].execution_id)
        await it.handle.signal(InvocationWorkflow.slot_granted, granted)
        failure, result = await it.failure()
        times = it.activities.times
    assert (failure.type, result.executions) == ("TIMED_OUT", 1)  # in the queue again, until its timeout
    assert len(times) == 3


async def test_an_invocation_older_than_its_timeout_never_starts(start_invocation: InvocationStarter) -> None:
    async with start_invocation(timeout_seconds=60, age=timedelta(seconds=62)) as it:
        assert (await it.failure())[0].type == "TIMED_OUT"
        assert it.activities.executions == []


async def test_what_keeps_it_from_having_a_container_is_shown(start_invocation: InvocationStarter) -> None:
    container = Container(SUCCEEDED)
    async with start_invocation(container) as it:
        await container.started.wait()
        (execution,) = it.activities.executions
        for reason, state in (("Waiting for capacity", "waiting for a container"), (None, "running")):
            awaited = ContainerAwaited(execution_id=execution.execution_id, reason=reason)
            await it.handle.signal(InvocationWorkflow.container_awaited, awaited)
            await state_of(it, state)
        container.released.set()
        assert (await it.handle.result()).ending is InvocationOutcome.SUCCEEDED


async def test_one_that_takes_the_place_of_a_lost_one_goes_on_with_its_attempt(
    start_invocation: InvocationStarter,
) -> None:
    async with start_invocation(fail, *answers(SUCCEEDED), max_retries=3, first_attempt=2) as it:
        result = await it.handle.result()
    assert (result.ending, result.executions) == (InvocationOutcome.SUCCEEDED, 3)
    assert [execution.attempt for execution in it.activities.executions] == [2, 3]


async def test_one_that_comes_too_late_sees_the_container_of_the_lost_one_to_its_end(
    start_invocation: InvocationStarter,
) -> None:
    """Its result counts if it had one, though the time is over."""
    async with start_invocation(*answers(SUCCEEDED), timeout_seconds=60, age=timedelta(hours=1), first_attempt=1) as it:
        result = await it.handle.result()
    assert (result.ending, result.executions) == (InvocationOutcome.SUCCEEDED, 1)
    assert [stop.reason for stop in it.activities.stops] == [StopReason.TIMED_OUT]
    assert it.activities.endings == []


async def test_one_that_comes_too_late_ends_what_had_not_begun(start_invocation: InvocationStarter) -> None:
    async with start_invocation(timeout_seconds=60, age=timedelta(hours=1), is_claimed=False, first_attempt=1) as it:
        _, result = await it.failure()
    assert (result.ending, result.executions) == (InvocationOutcome.TIMED_OUT, 0)
    assert len(it.activities.endings) == 1
