"""What a container is told when it asks: its lease, again after a lost answer; to stop, to end; and what it says."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers.containers import EndedLease
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.identifiers import new_warm_container_id
from control_plane_server.domain.reuse import ReuseSpec
from tests.catalog.warm_containers.warm import Warm
from tests.factories import make_ready


@pytest.fixture
async def warm(database: Database) -> Warm:
    return await Warm.begin(database)


async def test_a_lease_is_told_with_all_that_the_execution_is(warm: Warm) -> None:
    container_id = await warm.idle()
    execution_id = await warm.execution()
    await warm.lease(execution_id)
    told = (await warm.next(container_id)).lease
    assert told is not None
    assert (told.function, told.execution_id, told.launch) == (warm.function, execution_id, 1)
    assert told.traceparent == f"of {execution_id}"
    assert (await warm.row(container_id)).is_delivered


async def test_an_answer_that_was_lost_is_given_again_and_counts_once(warm: Warm) -> None:
    container_id = await warm.idle()
    await warm.lease(await warm.execution())
    first, second = await warm.next(container_id), await warm.next(container_id)
    assert first == second
    assert first.lease is not None
    assert (await warm.row(container_id)).executions == 2, "its first one, and this"


async def test_what_is_over_is_released_once_and_says_how_its_process_ended(warm: Warm) -> None:
    container_id = await warm.started()
    (execution_id,) = warm.executions
    ended = EndedLease(execution_id=execution_id, launch=1, exit_code=137)
    assert (await warm.next(container_id, ended)).lease is None
    released = await warm.execution_row(execution_id)
    assert (released.released_time is not None, released.exit_code) == (True, 137)
    assert await warm.state(container_id) is State.IDLE
    await warm.next(container_id, ended)
    assert (await warm.execution_row(execution_id)).released_time == released.released_time


async def test_the_exit_code_of_what_has_reported_is_nobodys(warm: Warm) -> None:
    container_id = await warm.started()
    (execution_id,) = warm.executions
    await warm.change_execution(execution_id, execution_finish_time=func.clock_timestamp())
    await warm.let_go(container_id, exit_code=1)
    assert (await warm.execution_row(execution_id)).exit_code is None


async def test_an_ended_execution_that_is_said_again_does_not_end_the_next_one(warm: Warm) -> None:
    container_id = await warm.started()
    ended = EndedLease(execution_id=warm.executions[0], launch=1, exit_code=0)
    await warm.next(container_id, ended)
    execution_id = await warm.execution()
    await warm.lease(execution_id)
    told = (await warm.next(container_id, ended)).lease
    assert told is not None
    assert told.execution_id == execution_id
    assert (await warm.execution_row(execution_id)).released_time is None


async def test_another_launch_is_not_released(warm: Warm) -> None:
    container_id = await warm.started()
    (execution_id,) = warm.executions
    assert (await warm.next(container_id, EndedLease(execution_id=execution_id, launch=2, exit_code=0))).lease
    await warm.change_execution(execution_id, launches=2)
    assert (await warm.let_go(container_id)).lease is None
    assert (await warm.execution_row(execution_id)).released_time is None, "its second launch has another container"


async def test_who_is_unknown_must_end(warm: Warm) -> None:
    assert (await warm.next(new_warm_container_id())).must_end


async def test_one_that_is_idle_for_too_long_ends_and_its_idle_time_is_noted(warm: Warm) -> None:
    container_id = await warm.idle()
    told = await warm.next(container_id)
    assert not told.must_end
    assert told.expires_in is not None
    assert timedelta(seconds=590) < told.expires_in <= timedelta(seconds=600)
    await warm.change(container_id, idle_since=func.clock_timestamp() - timedelta(seconds=601))
    assert (await warm.next(container_id)).must_end
    closed = await warm.row(container_id)
    assert (closed.state, closed.close_reason) == ("CLOSED", "it was idle for idle_seconds")
    assert 601_000 <= closed.idle_ms < 660_000
    assert await warm.lease(await warm.execution()) is None


async def test_one_that_is_leased_at_the_last_moment_is_leased_or_ends_and_never_both(warm: Warm) -> None:
    for _ in range(5):
        container_id = await warm.idle()
        await warm.change(container_id, idle_since=func.clock_timestamp() - timedelta(seconds=601))
        execution_id = await warm.execution()
        told, leased = await asyncio.gather(warm.next(container_id), warm.lease(execution_id))
        assert told.must_end == (leased is None)
        await warm.close(container_id, is_gone=True)


async def test_an_idle_time_that_is_over_is_added_up(warm: Warm) -> None:
    container_id = await warm.idle()
    for _ in range(2):
        await warm.change(container_id, idle_since=func.clock_timestamp() - timedelta(seconds=10))
        await warm.lease(await warm.execution())
        await warm.let_go(container_id)
    assert 20_000 <= (await warm.row(container_id)).idle_ms < 30_000


async def test_what_was_told_without_a_look_at_the_catalog_counts_when_it_is_over(database: Database) -> None:
    warm = await Warm.begin(database, ReuseSpec(idle_seconds=600, max_executions=2))
    container_id = await warm.idle()
    await warm.lease(await warm.execution())
    assert (await warm.let_go(container_id)).must_end
    closed = await warm.row(container_id)
    assert (closed.executions, closed.close_reason) == (2, "it has run max_executions")


async def test_after_max_executions_it_ends(database: Database) -> None:
    warm = await Warm.begin(database, ReuseSpec(idle_seconds=600, max_executions=2))
    container_id = await warm.idle()
    await warm.lease(await warm.execution())
    assert (await warm.next(container_id)).lease
    assert (await warm.let_go(container_id)).must_end
    last = await warm.execution_row(warm.executions[-1])
    assert last.released_time is not None
    assert (await warm.row(container_id)).close_reason == "it has run max_executions"


async def test_what_is_left_of_a_project_that_is_deleted_ends_after_its_execution(warm: Warm) -> None:
    busy, idle = await warm.started(), await warm.idle()
    await warm.close_project()
    assert (await warm.next(idle)).must_end
    assert (await warm.next(busy)).lease
    assert (await warm.let_go(busy)).must_end


async def test_as_many_as_min_idle_of_the_latest_version_stay(database: Database) -> None:
    warm = await Warm.begin(database, ReuseSpec(idle_seconds=1, min_idle=2))
    containers = [await warm.idle() for _ in range(3)]
    for container_id in containers:
        await warm.change(container_id, idle_since=func.clock_timestamp() - timedelta(seconds=60))
    told = await asyncio.gather(*(warm.next(container_id) for container_id in containers))
    assert [one.must_end for one in told] == [True, False, False], "also if all of them ask at once"
    async with database.transaction() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO versions (version_id, project_name)"
            f" VALUES ('ver-new-{warm.function.version_id}', '{warm.function.project_name}')"
        )
    await make_ready(database, warm.function.version_id)
    assert [(await warm.next(container_id)).must_end for container_id in containers[1:]] == [True, True]
