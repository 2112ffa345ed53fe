"""Preparation, deletion, clean-up and reconciliation: what they ask for, in which order."""

import asyncio

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.testing import WorkflowEnvironment

from control_plane_server.domain.messages import PrepareFunctionResult
from tests.workflows.steps import (
    ScriptedDeletion,
    ScriptedPreparation,
    ScriptedReconciliation,
    clean_up,
    delete,
    one_execution_that_ends,
    prepare,
    preparing,
    reconcile,
)
from workflows import policies
from workflows.preparation import MOST_AT_ONCE


async def test_preparation_answers_for_each_function(time_skipping: WorkflowEnvironment) -> None:
    ready, broken = await (await prepare(time_skipping.client, ScriptedPreparation())).result()
    assert ready == PrepareFunctionResult(identifier="prepared", preparation_error=None)
    assert broken == PrepareFunctionResult(identifier=None, preparation_error="no such image")


async def test_what_passes_by_itself_does_not_keep_a_function_from_being_prepared(
    time_skipping: WorkflowEnvironment,
) -> None:
    activities = ScriptedPreparation(faults=20)  # minutes of waiting, skipped
    results = await (await prepare(time_skipping.client, activities)).result()
    assert (activities.faults, results[0].identifier) == (0, "prepared")


async def test_of_many_functions_some_are_prepared_at_a_time(time_skipping: WorkflowEnvironment) -> None:
    activities = ScriptedPreparation(may_begin=asyncio.Event())
    names = [f"function {number}" for number in range(3 * MOST_AT_ONCE)]
    async with preparing(time_skipping.client, activities, names=names) as handle:
        async with asyncio.timeout(20):
            while activities.begun < MOST_AT_ONCE:
                await asyncio.sleep(0.01)
        scheduled = [event for event in (await handle.fetch_history()).events if _schedules_an_activity(event)]
        assert len(scheduled) == MOST_AT_ONCE
        activities.may_begin.set()
        assert len(await handle.result()) == 3 * MOST_AT_ONCE


def _schedules_an_activity(event: HistoryEvent) -> bool:
    return event.HasField("activity_task_scheduled_event_attributes")


async def test_deletion_waits_until_nothing_runs_and_begins_again_if_something_came(
    time_skipping: WorkflowEnvironment,
) -> None:
    activities = ScriptedDeletion(running=[3, 1, 0, 1, 0], running_at_the_end=[1, 0])
    await delete(time_skipping.client, activities)
    first_time = ["cancel", "cancel", "cancel", "retire", "delete"]
    assert activities.steps == [*first_time, "cancel", "cancel", "retire", "delete"]


async def test_deletion_waits_until_it_is_known_what_was_prepared(time_skipping: WorkflowEnvironment) -> None:
    activities = ScriptedDeletion(running=[2, 1, 0], running_at_the_end=[0], preparing=[2, 1, 0])
    await delete(time_skipping.client, activities)
    assert activities.steps == ["cancel", "cancel", "cancel", "retire", "delete"]


async def test_a_step_of_a_deletion_whose_loop_died_is_soon_done_by_another(time_skipping: WorkflowEnvironment) -> None:
    handle = await delete(time_skipping.client, ScriptedDeletion(running=[0], running_at_the_end=[0]))
    scheduled = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert [step.heartbeat_timeout.ToTimedelta() for step in scheduled] == 3 * [policies.HEARTBEAT_TIMEOUT]


async def test_clean_up_stops_waits_and_ends(time_skipping: WorkflowEnvironment) -> None:
    activities = one_execution_that_ends()
    await clean_up(time_skipping.client, activities, has_execution=True)
    assert (len(activities.stops), len(activities.executions), len(activities.endings)) == (1, 1, 1)


async def test_clean_up_of_what_has_no_container_waits_for_none(time_skipping: WorkflowEnvironment) -> None:
    activities = one_execution_that_ends()
    await clean_up(time_skipping.client, activities, has_execution=False)
    assert (len(activities.stops), len(activities.executions), len(activities.endings)) == (1, 0, 1)


async def test_reconciliation_tells_what_it_repaired(time_skipping: WorkflowEnvironment) -> None:
    result = await (await reconcile(time_skipping.client)).result()
    assert result.repairs == {"invocations started": 1}


@pytest.mark.parametrize(("forgets_ended", "looks"), [(False, 0), (True, 1)])
async def test_retention_is_an_activity_of_its_own_where_there_is_any(
    time_skipping: WorkflowEnvironment, forgets_ended: bool, looks: int
) -> None:
    activities = ScriptedReconciliation(forgets_ended=forgets_ended)
    await reconcile(time_skipping.client, activities)
    assert activities.looks_for_ended == looks
