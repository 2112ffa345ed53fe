"""What is kept ready, and what is found of containers whose process died between two steps."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL, NotificationListener
from control_plane_server.catalog.tables import FunctionRow, VersionRow
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.identifiers import new_version_id, new_warm_container_id
from control_plane_server.domain.reuse import ReuseSpec
from tests.catalog.warm_containers.warm import Warm

LONG = timedelta(minutes=1)


@pytest.fixture
async def ready(database: Database) -> Warm:
    """A function that keeps two containers ready."""
    return await Warm.begin(database, ReuseSpec(idle_seconds=600, min_idle=2))


async def test_as_many_as_are_lacking_are_begun_whoever_asks(ready: Warm) -> None:
    await asyncio.gather(*(ready.refill() for _ in range(3)))
    async with ready.database.statement() as connection:
        upkeep = UpkeepRepository(connection)
        own = await upkeep.of_project(ready.function.project_name)
        assert [one.state for one in own] == [State.STARTING] * 2
        of_all = await upkeep.unlaunched(at_most=1_000)
    unlaunched = [one for one in of_all if one.function.ref == ready.function]
    assert {one.warm.container_id for one in unlaunched} == {one.container_id for one in own}
    first, second = own
    for one in own:
        await ready.record(one.container_id)
        await ready.next(one.container_id)
    leased = await ready.lease(await ready.execution())
    assert leased is not None
    await ready.refill()
    async with ready.database.statement() as connection:
        of_all = await UpkeepRepository(connection).unlaunched(at_most=1_000)
    assert len([one for one in of_all if one.function.ref == ready.function]) == 1
    assert leased.container_id in (first.container_id, second.container_id)


@pytest.mark.parametrize("why", ["not ready", "refused", "being deleted"])
async def test_nothing_is_kept_ready(ready: Warm, why: str) -> None:
    async with ready.database.statement() as connection:
        of_version = update(FunctionRow).where(FunctionRow.version_id == ready.function.version_id)
        if why == "not ready":
            await connection.execute(of_version.values(status="PENDING"))
        if why == "refused":
            await connection.execute(of_version.values(preparation_error="no"))
    if why == "being deleted":
        await ready.close_project()
    await ready.refill()
    async with ready.database.statement() as connection:
        assert await UpkeepRepository(connection).of_project(ready.function.project_name) == ()


async def test_what_never_asked_is_not_replaced_at_once(ready: Warm) -> None:
    await ready.refill()
    async with ready.database.statement() as connection:
        failed, _ = await UpkeepRepository(connection).of_project(ready.function.project_name)
    await ready.close(failed.container_id)

    async def count() -> int:
        await ready.refill()
        async with ready.database.statement() as connection:
            return len(await UpkeepRepository(connection).of_project(ready.function.project_name))

    assert await count() == 2
    await ready.change(failed.container_id, close_time=func.clock_timestamp() - 11 * LONG)
    assert await count() == 3


@pytest.mark.parametrize("is_latest", [True, False])
async def test_what_was_kept_ready_for_a_version_that_is_not_the_latest_is_told_to_ask(
    database: Database, is_latest: bool
) -> None:
    ready = await Warm.begin(database, ReuseSpec(idle_seconds=1, min_idle=1))
    container_id = await ready.idle()
    await ready.change(container_id, idle_since=func.clock_timestamp() - LONG)
    if not is_latest:
        async with database.statement() as connection:
            await connection.execute(
                insert(VersionRow).values(version_id=new_version_id(), project_name=ready.function.project_name)
            )
    async with (
        NotificationListener(database.url, [WARM_CONTAINERS_CHANNEL]) as listener,
        listener.subscribe((WARM_CONTAINERS_CHANNEL, container_id)) as told,
        asyncio.timeout(10),
    ):
        await told.wait()  # it listens
        told.clear()
        async with database.statement() as connection:
            await UpkeepRepository(connection).wake_overdue()
        async with listener.subscribe((WARM_CONTAINERS_CHANNEL, "the-last")) as last:
            await connection_has_passed_on(database, last)
    assert told.is_set() is not is_latest
    assert (await ready.next(container_id)).must_end is not is_latest


async def connection_has_passed_on(database: Database, last: asyncio.Event) -> None:
    """What was notified before has arrived too: order is kept."""
    while not last.is_set():
        async with database.statement() as connection:
            await connection.execute(select(func.pg_notify(WARM_CONTAINERS_CHANNEL, "the-last")))
        await asyncio.sleep(0.02)


async def test_idle_ones_that_do_not_ask_are_silent_and_leased_ones_are_not(database: Database) -> None:
    warm = await Warm.begin(database)
    idle, busy = await warm.idle(), await warm.started()
    for container_id in (idle, busy):
        await warm.change(container_id, heard_time=func.clock_timestamp() - 2 * LONG)
    async with database.statement() as connection:
        silent = await UpkeepRepository(connection).silent(older_than=LONG, at_most=1_000)
    found = {one.container_id for one in silent}
    assert (idle in found, busy in found) == (True, False)


@pytest.mark.parametrize(
    ("values", "is_overtaken"),
    [
        ({}, False),
        ({"container_status": "TERMINATED"}, True),
        ({"launches": 2}, True),
    ],
    ids=["it runs", "ended", "another launch"],
)
async def test_leases_of_executions_that_went_on_are_found(
    database: Database, values: dict[str, object], is_overtaken: bool
) -> None:
    warm = await Warm.begin(database)
    container_id = await warm.started()
    (execution_id,) = warm.executions
    long_ago = func.clock_timestamp() - 2 * LONG
    await warm.change(container_id, lease_time=long_ago)
    await warm.change_execution(execution_id, last_update_time=long_ago, launch_time=long_ago, **values)
    async with database.statement() as connection:
        overtaken = await UpkeepRepository(connection).overtaken(older_than=LONG, at_most=1_000)
    assert (container_id in {one.container_id for one in overtaken}) == is_overtaken


async def test_what_the_platform_has_and_nobody_needs_is_told_from_what_is_unknown(database: Database) -> None:
    warm = await Warm.begin(database)
    open_one, closed, just_closed, unknown = [
        await warm.idle(),
        await warm.idle(),
        await warm.idle(),
        new_warm_container_id(),
    ]
    for container_id in (closed, just_closed):
        await warm.close(container_id)
    await warm.change(closed, close_time=func.clock_timestamp() - 2 * LONG)
    async with database.statement() as connection:
        upkeep = UpkeepRepository(connection)
        findings = await upkeep.classify([open_one, closed, just_closed, unknown], older_than=LONG)
        assert (findings.unneeded, findings.unknown) == ((closed,), (unknown,))
        should_be_there = {one.container_id for one in await upkeep.opened(after=None, at_most=1_000)}
        assert {open_one, closed} & should_be_there == {open_one}
        forgettable = {one.container_id for one in await upkeep.closed_before(older_than=LONG, at_most=1_000)}
        assert {closed, just_closed} & forgettable == {closed}
        await upkeep.forget([open_one, closed])
    assert await warm.state(closed) is State.ABSENT
    assert await warm.state(open_one) is State.IDLE
