"""Each time of a schedule makes one invocation, or none; whoever dies, and however often it is tried."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.schedules.firings import Firing, FiringRepository, FiringState
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.catalog.tables import InvocationRow, ProjectRow
from control_plane_server.domain.errors import ScheduleDoesNotExist
from control_plane_server.domain.schedules import Overlap
from tests.catalog.schedules.builders import (
    NOW,
    PROJECT,
    declared,
    deploy,
    end,
    fire,
    function,
    hourly,
    made,
    put,
    there,
)

SKIPPED = FiringState.SKIPPED
STARTED = FiringState.STARTED
WAITING = FiringState.WAITING


async def test_a_time_makes_one_invocation_of_the_latest_version(database: Database) -> None:
    schedule = await declared(database, overlap=Overlap.ALLOW_ALL, input='{"x": 1}')
    tries = await asyncio.gather(*(fire(database, schedule) for _ in range(8)))
    assert {one.state for one in tries} == {STARTED}
    (invocation_id,) = await made(database)
    assert {one.invocation_id for one in tries} == {invocation_id}
    async with database.statement() as connection:
        invocation = await InvocationRepository(connection).get_by_id(invocation_id)
    assert (invocation.input, invocation.schedule_name, invocation.scheduled_time) == ('{"x": 1}', "s", NOW)
    assert (await fire(database, schedule, 1)).invocation_id != invocation_id


async def test_skip_and_allow_all(database: Database) -> None:
    schedule = await declared(database)
    first = await fire(database, schedule)
    skipped = await fire(database, schedule, 1)
    assert (skipped.state, skipped.reason) == (SKIPPED, "an invocation of the schedule still ran")
    assert (await there(database))["s"].last_skipped_time == NOW + timedelta(minutes=1)
    await end(database, first.invocation_id)
    assert (await fire(database, schedule, 2)).state is STARTED
    await deploy(database, function("f", hourly(overlap=Overlap.ALLOW_ALL)))
    assert (await fire(database, schedule, 3)).state is STARTED
    assert len(await made(database)) == 3


async def test_one_waits_at_most_and_the_first_that_came(database: Database) -> None:
    schedule = await declared(database, overlap=Overlap.BUFFER_ONE)
    first = await fire(database, schedule)
    for _ in range(2):
        assert (await fire(database, schedule, 1, has_waited=True)).state is WAITING
    assert (await fire(database, schedule, 2)).state is SKIPPED
    await end(database, first.invocation_id)
    assert (await fire(database, schedule, 3)).state is SKIPPED, "the one that waits is first"
    assert (await fire(database, schedule, 1, has_waited=True)).state is STARTED
    assert (await fire(database, schedule, 4)).state is WAITING


async def test_who_waits_and_is_never_heard_of_again_keeps_nobody(database: Database) -> None:
    schedule = await declared(database, overlap=Overlap.BUFFER_ONE)
    first = await fire(database, schedule)
    assert (await fire(database, schedule, 1)).state is WAITING
    await end(database, first.invocation_id)
    async with database.statement() as connection:
        await connection.execute(
            update(ScheduleRow).values(waiting_look_time=ScheduleRow.waiting_look_time - timedelta(minutes=6))
        )
    assert (await fire(database, schedule, 2)).state is STARTED


async def test_the_newest_waits_for_the_end_of_what_it_cancelled(database: Database) -> None:
    schedule = await declared(database, overlap=Overlap.CANCEL_OTHER)
    first = await fire(database, schedule)
    second = await fire(database, schedule, 1)
    assert (second.state, second.cancelled) == (WAITING, (first.invocation_id,))
    async with database.statement() as connection:
        assert await connection.scalar(select(InvocationRow.cancellation_request_time)) is not None
    assert (await fire(database, schedule, 2)).state is WAITING
    assert (await fire(database, schedule, 1, has_waited=True)).state is SKIPPED, "a newer one has come"
    await end(database, first.invocation_id)
    assert (await fire(database, schedule, 2, has_waited=True)).state is STARTED


async def test_what_comes_an_hour_late_is_missed(database: Database) -> None:
    schedule = await declared(database, overlap=Overlap.BUFFER_ONE)
    missed = await fire(database, schedule, -120)
    assert (missed.state, missed.reason, missed.is_missed) == (SKIPPED, "missed: it came more than an hour late", True)
    assert (await fire(database, schedule, -30)).state is STARTED
    assert (await fire(database, schedule, -121, has_waited=True)).state is WAITING, "it came in time"


async def test_nothing_is_called_by_one_that_rests_is_gone_or_has_nobody_to_call(database: Database) -> None:
    schedule = await declared(database)
    async with database.statement() as connection:
        await ScheduleRepository(connection).pause(PROJECT, "s", reason=None)
    assert await fire(database, schedule) == Firing(state=SKIPPED, reason="Paused")
    async with database.statement() as connection:
        await ScheduleRepository(connection).resume(PROJECT, "s")
        await connection.execute(update(ProjectRow).values(closing_time=NOW))
    assert (await fire(database, schedule)).reason == "The project is being deleted"
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM schedules"))
    assert (await fire(database, schedule)).state is FiringState.UNKNOWN
    assert await made(database) == []


async def test_an_input_that_a_later_version_refuses_is_called_with_all_the_same(database: Database) -> None:
    """The container says what is wrong: a firing that nobody hears of would be worse."""
    await deploy(database, function("f"))
    schedule = await put(database, "s", "f")
    await deploy(database, function("f", signature='{"type": "object", "required": ["x"]}'))
    assert (await fire(database, schedule)).state is STARTED


async def test_a_backfill_makes_what_is_missing_once(database: Database) -> None:
    schedule = await declared(database)
    await fire(database, schedule, -2)
    times = [NOW + timedelta(minutes=minute) for minute in (-3, -2, -1)]

    async def fill() -> int:
        async with database.transaction() as connection:
            return len(await FiringRepository(connection).fill(schedule, times))

    assert sorted(await asyncio.gather(fill(), fill(), fill())) == [0, 0, 2]
    assert len(await made(database)) == 3


async def test_a_trigger_is_one_for_each_key(database: Database) -> None:
    schedule = await declared(database)

    async def trigger(key: str | None) -> bool:
        async with database.transaction() as connection:
            return (await FiringRepository(connection).trigger(schedule, idempotency_key=key))[1]

    assert sorted(await asyncio.gather(trigger("k"), trigger("k"), trigger("k"))) == [False, False, True]
    assert await trigger(None)
    assert await trigger("other")
    assert len(await made(database)) == 3
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM schedules"))
    with pytest.raises(ScheduleDoesNotExist):
        await trigger(None)
