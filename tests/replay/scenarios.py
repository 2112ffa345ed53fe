"""The lives of workflows whose histories are kept. Each plays on scripted activities and a real server."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio.client import WorkflowFailureError

from control_plane_server.domain.identifiers import ScheduleId
from control_plane_server.domain.messages import (
    RunExecutionRequest,
    RunExecutionResult,
    ScheduledCallRequest,
    SlotGranted,
)
from tests.workflows.scripted_invocations import (
    ABORTED,
    QUEUED,
    REFUSED,
    SUCCEEDED,
    Container,
    InvocationStarter,
    answers,
    fail,
    state_of,
)
from tests.workflows.steps import (
    BATCH_SIZE,
    Handle,
    ScriptedBatch,
    ScriptedCalls,
    ScriptedDeletion,
    ScriptedDelivery,
    ScriptedPreparation,
    advancing,
    call,
    clean_up,
    delete,
    delivering,
    one_execution_that_ends,
    prepare,
    reconcile,
)
from workflows.batch import BatchWorkflow
from workflows.delivery import DeliveryWorkflow
from workflows.invocation import InvocationWorkflow

Scenario = Callable[[InvocationStarter], Awaitable[Handle]]


async def succeeded(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(SUCCEEDED)) as it:
        await it.ended()
    return it.handle


async def succeeded_at_the_third_attempt(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(fail, fail, *answers(SUCCEEDED), max_retries=2) as it:
        await state_of(it, "backing off")
        await it.handle.signal(InvocationWorkflow.retry_now)
        await it.ended()
    return it.handle


async def failed_at_the_last_attempt(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(fail, fail, max_retries=1) as it:
        await it.ended()
    return it.handle


async def queued_then_granted(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(QUEUED, SUCCEEDED)) as it:
        await state_of(it, "queued")
        granted = SlotGranted(execution_id=it.activities.executions[0].execution_id)
        await it.handle.signal(InvocationWorkflow.slot_granted, granted)
        await it.ended()
    return it.handle


async def cancelled_while_running(start_invocation: InvocationStarter) -> Handle:
    container = Container(ABORTED)
    async with start_invocation(container) as it:
        await container.started.wait()
        await it.handle.cancel()
        await state_of(it, "stopping")
        container.released.set()
        await it.ended()
    return it.handle


async def cancelled_in_a_full_house(start_invocation: InvocationStarter) -> Handle:
    """Before anything took the execution up."""
    waiting = Container(REFUSED)
    async with start_invocation(waiting, is_claimed=False) as it:
        await waiting.started.wait()
        await it.handle.cancel()
        await it.ended()
        waiting.released.set()
    return it.handle


async def cancelled_when_its_process_was_lost(start_invocation: InvocationStarter) -> Handle:
    """The activity waits for its turn in another one, which is full."""
    waiting = Container(ABORTED)
    async with start_invocation(waiting, *answers(ABORTED)) as it:
        await waiting.started.wait()
        await it.handle.cancel()
        await it.ended()
        waiting.released.set()
    return it.handle


async def cancelled_while_queued(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(QUEUED)) as it:
        await state_of(it, "queued")
        await it.handle.cancel()
        await it.ended()
    return it.handle


async def cancelled_between_attempts(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(fail, max_retries=3) as it:
        await state_of(it, "backing off")
        await it.handle.cancel()
        await it.ended()
    return it.handle


async def refused_by_the_catalog(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(REFUSED)) as it:
        await it.ended()
    return it.handle


async def timed_out_while_running(start_invocation: InvocationStarter) -> Handle:
    container = Container(ABORTED)

    async def run_until_stopped(request: RunExecutionRequest) -> RunExecutionResult:
        await state_of(it, "stopping")
        return await container(request)

    container.released.set()
    async with start_invocation(run_until_stopped, timeout_seconds=7_200, age=timedelta(seconds=7_199.5)) as it:
        await it.ended()
    return it.handle


async def timed_out_while_queued(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(QUEUED), timeout_seconds=7_200, age=timedelta(seconds=7_199.5)) as it:
        await it.ended()
    return it.handle


async def closed_as_failed(start_invocation: InvocationStarter) -> Handle:
    """Both attempts are failed activities."""
    return await failed_at_the_last_attempt(start_invocation)


async def closed_as_failed_by_its_timeout(start_invocation: InvocationStarter) -> Handle:
    return await timed_out_while_queued(start_invocation)


async def closed_as_cancelled_by_the_catalog(start_invocation: InvocationStarter) -> Handle:
    return await refused_by_the_catalog(start_invocation)


async def succeeded_after_a_failed_activity(start_invocation: InvocationStarter) -> Handle:
    return await succeeded_at_the_third_attempt(start_invocation)


async def timed_out_by_its_time_in_the_queue(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(QUEUED), queue_timeout_seconds=1) as it:
        await it.ended()
    return it.handle


async def prepared(start_invocation: InvocationStarter) -> Handle:
    return await prepare(start_invocation.client, ScriptedPreparation())


async def prepared_some_at_a_time(start_invocation: InvocationStarter) -> Handle:
    return await prepare(
        start_invocation.client, ScriptedPreparation(), names=[f"function {number}" for number in range(25)]
    )


async def deleted(start_invocation: InvocationStarter) -> Handle:
    return await delete(start_invocation.client, ScriptedDeletion(running=[2, 0, 0], running_at_the_end=[1, 0]))


async def deleted_after_a_preparation(start_invocation: InvocationStarter) -> Handle:
    return await delete(
        start_invocation.client, ScriptedDeletion(running=[1, 0], preparing=[1, 0], running_at_the_end=[0])
    )


async def cleaned_up(start_invocation: InvocationStarter) -> Handle:
    return await clean_up(start_invocation.client, one_execution_that_ends(), has_execution=True)


async def cleaned_up_without_a_container(start_invocation: InvocationStarter) -> Handle:
    return await clean_up(start_invocation.client, one_execution_that_ends(), has_execution=False)


async def reconciled(start_invocation: InvocationStarter) -> Handle:
    return await reconcile(start_invocation.client)


async def batch_ran(start_invocation: InvocationStarter) -> Handle:
    batch = ScriptedBatch([0, BATCH_SIZE])
    async with advancing(start_invocation.client, batch, creation_time=datetime.now(UTC)) as handle:
        await batch.until_looked(1)
        await handle.signal(BatchWorkflow.look_again)
        await handle.result()
    return handle


async def batch_cancelled(start_invocation: InvocationStarter) -> Handle:
    batch = ScriptedBatch([0, BATCH_SIZE])
    async with advancing(start_invocation.client, batch, creation_time=datetime.now(UTC)) as handle:
        await batch.until_looked(1)
        await handle.cancel()
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
    return handle


async def batch_timed_out(start_invocation: InvocationStarter) -> Handle:
    batch = ScriptedBatch([0, BATCH_SIZE])
    async with advancing(start_invocation.client, batch, creation_time=datetime.now(UTC), timeout_seconds=1) as handle:
        await handle.result()
    return handle


async def delayed(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(*answers(SUCCEEDED), delay=timedelta(seconds=8)) as it:
        await it.ended()
    return it.handle


async def cancelled_while_delayed(start_invocation: InvocationStarter) -> Handle:
    async with start_invocation(delay=timedelta(days=1)) as it:
        await state_of(it, "delayed")
        await it.handle.cancel()
        await it.ended()
    return it.handle


async def batch_delayed(start_invocation: InvocationStarter) -> Handle:
    """It is told to look once before, as of a cancellation."""
    batch = ScriptedBatch([0, BATCH_SIZE])
    delay = timedelta(seconds=8)
    async with advancing(start_invocation.client, batch, creation_time=datetime.now(UTC), delay=delay) as handle:
        await handle.signal(BatchWorkflow.look_again)
        await handle.result()
    return handle


async def scheduled_call_started(start_invocation: InvocationStarter) -> Handle:
    request = ScheduledCallRequest(schedule_id=ScheduleId("sch-1"), jitter_seconds=1)
    return await call(start_invocation.client, ScriptedCalls(["STARTED"]), request)


async def scheduled_call_waited(start_invocation: InvocationStarter) -> Handle:
    request = ScheduledCallRequest(schedule_id=ScheduleId("sch-1"))
    return await call(start_invocation.client, ScriptedCalls(["WAITING", "WAITING", "SKIPPED"]), request)


async def webhooks_delivered(start_invocation: InvocationStarter) -> Handle:
    """One that is due at once, one later, and one that comes while it waits."""
    delivery = ScriptedDelivery([0, 1, 3_600, None])
    async with delivering(start_invocation.client, delivery) as handle:
        await delivery.until_looked(3)
        await handle.signal(DeliveryWorkflow.look_again)
        await handle.result()
    return handle


SCENARIOS: tuple[Scenario, ...] = (
    succeeded,
    succeeded_at_the_third_attempt,
    failed_at_the_last_attempt,
    queued_then_granted,
    cancelled_while_running,
    cancelled_in_a_full_house,
    cancelled_when_its_process_was_lost,
    cancelled_while_queued,
    cancelled_between_attempts,
    refused_by_the_catalog,
    timed_out_while_running,
    timed_out_while_queued,
    closed_as_failed,
    closed_as_failed_by_its_timeout,
    closed_as_cancelled_by_the_catalog,
    succeeded_after_a_failed_activity,
    timed_out_by_its_time_in_the_queue,
    prepared,
    prepared_some_at_a_time,
    deleted,
    deleted_after_a_preparation,
    cleaned_up,
    cleaned_up_without_a_container,
    reconciled,
    batch_ran,
    batch_cancelled,
    batch_timed_out,
    delayed,
    cancelled_while_delayed,
    batch_delayed,
    scheduled_call_started,
    scheduled_call_waited,
    webhooks_delivered,
)
