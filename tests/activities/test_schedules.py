"""Temporal's schedules are made those of the catalog, whoever has changed what; and what the real server makes of
times."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities import metrics
from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.schedules import Schedules
from activities.scheduled_calls import BoundScheduleActivities
from api.schemas.schedules import ScheduleDefinition
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.domain.identifiers import FunctionName, ProjectName, ScheduleId
from control_plane_server.domain.messages import CallScheduledRequest
from control_plane_server.domain.schedules import Schedule, ScheduleSpec
from tests.catalog.schedules.builders import NOW, PROJECT, declared, deploy, function, hourly, made, there
from workflows.schedules import (
    ListedSchedule,
    delete_schedule,
    listed_schedules,
    match_schedule,
    next_times,
    times_between,
)

BERLIN = "Europe/Berlin"


@pytest.fixture(autouse=True)
async def _none_is_left(temporal: Client, database: Database) -> AsyncIterator[None]:
    yield
    for schedule_id in await listed(temporal):
        await delete_schedule(temporal, schedule_id)


async def listed(temporal: Client) -> dict[ScheduleId, ListedSchedule]:
    return {one.schedule_id: one async for one in listed_schedules(temporal)}


async def reconcile(temporal: Client, database: Database) -> int:
    run = RepairRun("schedules matched")
    await run.run(Schedules(client=temporal, database=database, patience=timedelta()).match)
    return run.made


async def test_what_temporal_has_is_made_to_match(temporal: Client, database: Database) -> None:
    await deploy(database, function("f", hourly("a"), hourly("b", cron=None, every_seconds=2)))
    schedules = await there(database)
    assert await reconcile(temporal, database) == 2  # as in a namespace that takes the place of a lost one
    await until_listed(temporal, {one.schedule_id for one in schedules.values()})
    assert await reconcile(temporal, database) == 0
    found = await listed(temporal)
    assert all(found[one.schedule_id].matches(one) for one in schedules.values())

    # By hand, in Temporal; and an orphan, which the catalog was restored without.
    await temporal.get_schedule_handle(schedules["a"].schedule_id).pause(note="by hand")
    await delete_schedule(temporal, schedules["b"].schedule_id)
    orphan = ScheduleId(f"sch-{uuid.uuid4().hex}")
    await match_schedule(temporal, schedule_of(orphan, hourly()))
    await eventually_listed(temporal, orphan, paused=schedules["a"].schedule_id)
    assert await reconcile(temporal, database) == 3
    await until_listed(temporal, {one.schedule_id for one in schedules.values()})

    async with database.statement() as connection:
        await ScheduleRepository(connection).pause(PROJECT, "a", reason="too loud")
    assert await reconcile(temporal, database) == 1
    description = await temporal.get_schedule_handle(schedules["a"].schedule_id).describe()
    assert description.schedule.state.paused
    assert description.schedule.state.note == "a: calls p/f 0 * * * * in UTC; rests: too loud"


async def test_a_schedule_that_the_catalog_does_not_know_is_gone_when_it_calls(
    temporal: Client, database: Database
) -> None:
    schedule = await declared(database)
    await match_schedule(temporal, schedule)
    calls = BoundScheduleActivities(client=temporal, database=database, messenger=Messenger(temporal, database))
    request = CallScheduledRequest(schedule_id=schedule.schedule_id, scheduled_time=NOW)
    results = [await calls.call_scheduled(request) for _ in range(2)]
    assert [result.state for result in results] == ["STARTED", "STARTED"]
    (invocation_id,) = await made(database)
    assert await temporal.get_workflow_handle(invocation_id).describe()  # started, and once

    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM schedules"))
    assert (await calls.call_scheduled(request)).state == "UNKNOWN"
    await until_listed(temporal, set())
    assert (await calls.call_scheduled(request)).state == "UNKNOWN", "also if Temporal has forgotten it"


async def test_a_time_that_is_missed_is_counted_as_such(temporal: Client, database: Database) -> None:
    schedule = await declared(database)
    calls = BoundScheduleActivities(client=temporal, database=database, messenger=Messenger(temporal, database))
    counted = metrics.SCHEDULED_CALLS.labels(metrics.MISSED)
    before = counted._value.get()
    late = NOW - timedelta(hours=2)
    result = await calls.call_scheduled(CallScheduledRequest(schedule_id=schedule.schedule_id, scheduled_time=late))
    assert (result.state, counted._value.get() - before) == ("SKIPPED", 1)


async def test_times_that_came_while_temporal_did_not_know_are_called(temporal: Client, database: Database) -> None:
    await deploy(database, function("f", hourly("a", cron=None, every_seconds=60), hourly("b")))
    async with database.statement() as connection:
        await ScheduleRepository(connection).pause(PROJECT, "b", reason=None)
        changed = "UPDATE schedules SET last_update_time = last_update_time - interval '10 minutes 30 seconds'"
        await connection.execute(text(changed))
    schedules = await there(database)
    assert await reconcile(temporal, database) == 2
    called: set[str] = set()
    async with asyncio.timeout(20):
        while len(called) < 10:
            query = f"WorkflowId STARTS_WITH '{schedules['a'].schedule_id}'"
            called = {one.id async for one in temporal.list_workflows(query)}
    query = f"WorkflowId STARTS_WITH '{schedules['b'].schedule_id}'"
    assert not [one async for one in temporal.list_workflows(query)]


@pytest.mark.parametrize(
    ("cron", "zone", "day", "hours"),
    [
        # Clocks go forward: 02:30 is left out. They go back: it is once, by winter time.
        ("30 2 * * *", BERLIN, datetime(2027, 3, 28, tzinfo=UTC), []),
        ("30 2 * * *", BERLIN, datetime(2027, 10, 31, tzinfo=UTC), ["01:30"]),
        ("30 7 * * *", BERLIN, datetime(2027, 3, 28, tzinfo=UTC), ["05:30"]),
        ("30 7 * * *", BERLIN, datetime(2027, 10, 31, tzinfo=UTC), ["06:30"]),
        ("30 2 * * *", "America/New_York", datetime(2027, 3, 14, tzinfo=UTC), []),
        ("30 1 * * *", "America/New_York", datetime(2027, 11, 7, tzinfo=UTC), ["05:30", "06:30"]),
    ],
)
async def test_daylight_saving_in_both_directions(
    temporal: Client, cron: str, zone: str, day: datetime, hours: list[str]
) -> None:
    """On the real server: the time-skipping one has no schedules."""
    schedule = schedule_of(ScheduleId(f"sch-{uuid.uuid4().hex}"), hourly(cron=cron, timezone=zone))
    await match_schedule(temporal, schedule)
    times = await times_between(temporal, schedule.schedule_id, day, day + timedelta(hours=23, minutes=59))
    assert [time.strftime("%H:%M") for time in times] == hours


@pytest.mark.parametrize("day", [datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)])
async def test_what_comes_every_hour_comes_in_each_of_a_day_of_23_and_of_25(temporal: Client, day: datetime) -> None:
    schedule = schedule_of(ScheduleId(f"sch-{uuid.uuid4().hex}"), hourly(cron="*/20 * * * *", timezone=BERLIN))
    await match_schedule(temporal, schedule)
    start = day - timedelta(hours=2)
    times = await times_between(temporal, schedule.schedule_id, start, start + timedelta(hours=25, minutes=59))
    assert times == [start + timedelta(minutes=20 * number) for number in range(78)]


async def test_what_the_api_accepts_temporal_accepts(temporal: Client) -> None:
    crons = [
        *("* * * * *", "5/15 * * * *", "*/7,3 * * * *", "10-20/5 0 * * *", "0 0 1,15 * *", "59 23 31 12 *"),
        *("0 0 * * 7", "0 0 * * 0-7", "0 0 * * SUN", "0 0 * * mon-FRI", "0 0 * * SAT-7", "0 0 * * */2"),
        *("0 0 */2 * MON", "0 0 * JAN-mar,12 *", "0 0 29 2 *", "00 07 * * 01"),
    ]
    for cron in crons:
        spec = ScheduleDefinition.model_validate({"function_name": "f", "cron": cron}).to_domain("s")
        schedule = schedule_of(ScheduleId(f"sch-{uuid.uuid4().hex}"), spec)
        await match_schedule(temporal, schedule)
        assert len(await next_times(temporal, schedule.schedule_id)) == 10, cron


async def until_listed(temporal: Client, schedule_ids: set[ScheduleId]) -> None:
    """Lists lag behind."""
    async with asyncio.timeout(20):
        while (await listed(temporal)).keys() != schedule_ids:
            await asyncio.sleep(0.01)


async def eventually_listed(temporal: Client, schedule_id: ScheduleId, *, paused: ScheduleId) -> None:
    """Lists lag behind."""
    async with asyncio.timeout(20):
        while not (schedule_id in (found := await listed(temporal)) and found[paused].is_paused):
            await asyncio.sleep(0.01)


def schedule_of(schedule_id: ScheduleId, spec: ScheduleSpec) -> Schedule:
    return Schedule(
        schedule_id=schedule_id,
        project_name=ProjectName("p"),
        function_name=FunctionName("f"),
        spec=spec,
        is_declared=True,
        pause_time=None,
        pause_reason=None,
        is_without_function=False,
        last_skipped_time=None,
        last_skip_reason=None,
        creation_time=NOW,
        last_update_time=NOW,
    )
