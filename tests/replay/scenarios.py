"""The lives of workflows whose histories are kept. Each plays on scripted activities and a real server."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from domain.messages import RunExecutionRequest, RunExecutionResult, SlotGranted
from tests.workflows.scenes import (
    ABORTED,
    QUEUED,
    REFUSED,
    SUCCEEDED,
    Container,
    SceneMaker,
    answers,
    fail,
    state_of,
)
from tests.workflows.steps import (
    Handle,
    ScriptedDeletion,
    ScriptedPreparation,
    clean_up,
    delete,
    one_execution_that_ends,
    prepare,
    reconcile,
)
from workflows.invocation import InvocationWorkflow

Scenario = Callable[[SceneMaker], Awaitable[Handle]]


async def succeeded(scene: SceneMaker) -> Handle:
    async with scene(*answers(SUCCEEDED)) as it:
        await it.ended()
    return it.handle


async def succeeded_at_the_third_attempt(scene: SceneMaker) -> Handle:
    async with scene(fail, fail, *answers(SUCCEEDED), max_retries=2) as it:
        await state_of(it, "backing off")
        await it.handle.signal(InvocationWorkflow.retry_now)
        await it.ended()
    return it.handle


async def failed_at_the_last_attempt(scene: SceneMaker) -> Handle:
    async with scene(fail, fail, max_retries=1) as it:
        await it.ended()
    return it.handle


async def queued_then_granted(scene: SceneMaker) -> Handle:
    async with scene(*answers(QUEUED, SUCCEEDED)) as it:
        await state_of(it, "queued")
        granted = SlotGranted(execution_id=it.activities.executions[0].execution_id)
        await it.handle.signal(InvocationWorkflow.slot_granted, granted)
        await it.ended()
    return it.handle


async def cancelled_while_running(scene: SceneMaker) -> Handle:
    container = Container(ABORTED)
    async with scene(container) as it:
        await container.started.wait()
        await it.handle.cancel()
        await state_of(it, "stopping")
        container.released.set()
        await it.ended()
    return it.handle


async def cancelled_in_a_full_house(scene: SceneMaker) -> Handle:
    """Before anything took the execution up."""
    waiting = Container(REFUSED)
    async with scene(waiting, is_claimed=False) as it:
        await waiting.started.wait()
        await it.handle.cancel()
        await it.ended()
        waiting.released.set()
    return it.handle


async def cancelled_when_its_process_was_lost(scene: SceneMaker) -> Handle:
    """The activity waits for its turn in another one, which is full."""
    waiting = Container(ABORTED)
    async with scene(waiting, *answers(ABORTED)) as it:
        await waiting.started.wait()
        await it.handle.cancel()
        await it.ended()
        waiting.released.set()
    return it.handle


async def cancelled_while_queued(scene: SceneMaker) -> Handle:
    async with scene(*answers(QUEUED)) as it:
        await state_of(it, "queued")
        await it.handle.cancel()
        await it.ended()
    return it.handle


async def cancelled_between_attempts(scene: SceneMaker) -> Handle:
    async with scene(fail, max_retries=3) as it:
        await state_of(it, "backing off")
        await it.handle.cancel()
        await it.ended()
    return it.handle


async def refused_by_the_catalog(scene: SceneMaker) -> Handle:
    async with scene(*answers(REFUSED)) as it:
        await it.ended()
    return it.handle


async def timed_out_while_running(scene: SceneMaker) -> Handle:
    container = Container(ABORTED)

    async def run_until_stopped(request: RunExecutionRequest) -> RunExecutionResult:
        await state_of(it, "stopping")
        return await container(request)

    container.released.set()
    async with scene(run_until_stopped, timeout_seconds=7_200, age=timedelta(seconds=7_199.5)) as it:
        await it.ended()
    return it.handle


async def timed_out_while_queued(scene: SceneMaker) -> Handle:
    async with scene(*answers(QUEUED), timeout_seconds=7_200, age=timedelta(seconds=7_199.5)) as it:
        await it.ended()
    return it.handle


async def prepared(scene: SceneMaker) -> Handle:
    return await prepare(scene.client, ScriptedPreparation())


async def prepared_some_at_a_time(scene: SceneMaker) -> Handle:
    return await prepare(scene.client, ScriptedPreparation(), names=[f"function {number}" for number in range(25)])


async def deleted(scene: SceneMaker) -> Handle:
    return await delete(scene.client, ScriptedDeletion(running=[2, 0, 0], running_at_the_end=[1, 0]))


async def deleted_after_a_preparation(scene: SceneMaker) -> Handle:
    return await delete(scene.client, ScriptedDeletion(running=[1, 0], preparing=[1, 0], running_at_the_end=[0]))


async def cleaned_up(scene: SceneMaker) -> Handle:
    return await clean_up(scene.client, one_execution_that_ends(), has_execution=True)


async def cleaned_up_without_a_container(scene: SceneMaker) -> Handle:
    return await clean_up(scene.client, one_execution_that_ends(), has_execution=False)


async def reconciled(scene: SceneMaker) -> Handle:
    return await reconcile(scene.client)


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
    prepared,
    prepared_some_at_a_time,
    deleted,
    deleted_after_a_preparation,
    cleaned_up,
    cleaned_up_without_a_container,
    reconciled,
)
