"""Invocations and batches that begin not before a time: on the time-skipping server."""

from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from control_plane_server.domain.messages import BatchProgress
from tests.workflows.scripted_invocations import SUCCEEDED, InvocationStarter, answers, state_of
from tests.workflows.steps import BATCH_SIZE, ScriptedBatch, advancing
from workflows.batch import BatchWorkflow

DAY = timedelta(days=1)


async def test_an_invocation_begins_when_its_delay_is_over_and_its_timeout_counts_from_then_on(
    start_invocation: InvocationStarter, time_skipping: WorkflowEnvironment
) -> None:
    start = await time_skipping.get_current_time()
    async with start_invocation(*answers(SUCCEEDED), delay=DAY, timeout_seconds=60) as it:
        await it.handle.result()
        (began,) = it.activities.times
    assert timedelta() <= began - start - DAY <= timedelta(seconds=2)


async def test_one_that_is_cancelled_meanwhile_never_begins(start_invocation: InvocationStarter) -> None:
    async with start_invocation(delay=DAY) as it:
        await state_of(it, "delayed")
        await it.handle.cancel()
        await it.is_cancelled()
        assert it.activities.executions == []


async def test_one_whose_delay_is_over_has_no_timer_for_it(start_invocation: InvocationStarter) -> None:
    async with start_invocation(*answers(SUCCEEDED), delay=timedelta(seconds=30), age=timedelta(seconds=31)) as it:
        await it.handle.result()
        assert len((await it.handle.fetch_history()).events) == 13


async def test_a_batch_waits_its_delay_out_before_it_looks(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([0, BATCH_SIZE])
    start = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=start, delay=DAY, timeout_seconds=3_600) as handle:
        result: BatchProgress = await handle.result()
    assert result.is_over
    assert batch.looks == [None, None]
    assert batch.delay_ends == [True, True]
    assert await time_skipping.get_current_time() - start >= DAY


async def test_a_batch_that_is_told_to_look_meanwhile_goes_on_waiting(time_skipping: WorkflowEnvironment) -> None:
    batch = ScriptedBatch([1, 1, BATCH_SIZE])
    start = await time_skipping.get_current_time()
    async with advancing(time_skipping.client, batch, creation_time=start, delay=DAY) as handle:
        await handle.signal(BatchWorkflow.look_again)
        await batch.until_looked(1)
        await handle.result()
    assert await time_skipping.get_current_time() - start >= DAY
    assert batch.delay_ends == [False, True, True]
