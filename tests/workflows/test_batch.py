"""A batch's workflow: when it looks at its batch, and with which word."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment

from control_plane_server.domain.messages import BatchProgress, StopReason
from tests.workflows.steps import BATCH_SIZE, ScriptedBatch, advancing
from workflows.batch import BatchWorkflow

HOUR = timedelta(hours=1)


async def test_a_batch_that_is_over_at_the_first_look(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([BATCH_SIZE])
    now = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=now) as handle:
        result: BatchProgress = await handle.result()
        assert result.is_over
        assert len((await handle.fetch_history()).events) == 12
    assert batch.looks == [None]


async def test_it_looks_when_it_is_told_to(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([3, BATCH_SIZE])
    now = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=now) as handle:
        await batch.until_looked(1)
        await handle.signal(BatchWorkflow.look_again)
        await batch.until_looked(2)
        await handle.result()
    assert batch.looks == [None, None]


async def test_it_finds_the_end_by_itself_if_nobody_tells_it(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([3] * 9 + [BATCH_SIZE])
    start = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=start) as handle:
        await handle.result()
        events = (await handle.fetch_history()).events
    waits = [
        event.timer_started_event_attributes for event in events if event.HasField("timer_started_event_attributes")
    ]
    minutes = [wait.start_to_fire_timeout.ToTimedelta() / timedelta(minutes=1) for wait in waits]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_a_cancellation_stops_the_batch_and_ends_the_workflow_as_cancelled(
    time_skipping: WorkflowEnvironment,
) -> None:
    batch = ScriptedBatch([3, 5, BATCH_SIZE])
    now = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=now) as handle:
        await batch.until_looked(1)
        await handle.cancel()
        await batch.until_looked(2)
        await handle.signal(BatchWorkflow.look_again)
        with pytest.raises(WorkflowFailureError) as failure:
            await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert batch.looks == [None, StopReason.CANCELLED, StopReason.CANCELLED]


async def test_at_the_deadline_what_has_not_begun_times_out(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([3, 8, BATCH_SIZE])
    start = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=start, timeout_seconds=30) as handle:
        await handle.result()
    assert batch.looks == [None, StopReason.TIMED_OUT, StopReason.TIMED_OUT]


async def test_what_waits_for_longer_than_it_may_times_out_before_the_deadline(
    time_skipping: WorkflowEnvironment,
) -> None:
    batch = ScriptedBatch([3, 8, BATCH_SIZE])
    start = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=start, queue_timeout_seconds=30) as handle:
        await handle.result()
    assert batch.looks == [None, StopReason.TIMED_OUT, StopReason.TIMED_OUT]


async def test_one_that_begins_after_the_deadline_stops_at_once(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([BATCH_SIZE])
    creation_time = await time_skipping.get_current_time() - HOUR
    async with advancing(time_skipping.client, batch, creation_time=creation_time, timeout_seconds=60) as handle:
        await handle.result()
    assert batch.looks == [StopReason.TIMED_OUT]


async def test_of_a_replay_every_look_says_when_the_next_of_it_times_out(time_skipping: WorkflowEnvironment) -> None:
    start = await time_skipping.get_current_time()
    batch = ScriptedBatch([3, 4, 5, BATCH_SIZE], deadlines=[start + HOUR / 60 / 2, start + 2 * HOUR])
    async with advancing(time_skipping.client, batch, creation_time=start) as handle:
        await handle.result()
        waits = [
            event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            for event in (await handle.fetch_history()).events
            if event.HasField("timer_started_event_attributes")
        ]
    assert batch.looks == [None, StopReason.TIMED_OUT, None, None]
    assert timedelta(seconds=20) < waits[0] <= timedelta(seconds=30)
    assert waits[1:] == [timedelta(minutes=2), timedelta(minutes=4)]
