"""The workflow that sends a receiver what it is to be told: when it looks for what is due."""

from datetime import timedelta

from temporalio.testing import WorkflowEnvironment

from tests.workflows.steps import ScriptedDelivery, delivering
from workflows.delivery import DeliveryWorkflow


async def test_it_ends_when_nothing_is_pending(time_skipping: WorkflowEnvironment) -> None:
    delivery = ScriptedDelivery([None])
    async with delivering(time_skipping.client, delivery) as handle:
        await handle.result()
        assert len((await handle.fetch_history()).events) == 11
    assert delivery.looks == 1


async def test_it_waits_until_the_next_one_is_due(time_skipping: WorkflowEnvironment) -> None:
    delivery = ScriptedDelivery([0, 7_200, None])
    start = await time_skipping.get_current_time()
    async with delivering(time_skipping.client, delivery) as handle:
        await handle.result()
    assert await time_skipping.get_current_time() - start >= timedelta(hours=2)
    assert delivery.looks == 3


async def test_it_looks_when_it_is_told_to(time_skipping: WorkflowEnvironment) -> None:
    delivery = ScriptedDelivery([86_400, None])
    async with delivering(time_skipping.client, delivery) as handle:
        await delivery.until_looked(1)
        await handle.signal(DeliveryWorkflow.look_again)
        await handle.result()
        events = (await handle.fetch_history()).events
    assert delivery.looks == 2
    assert not any(event.HasField("timer_fired_event_attributes") for event in events)
