"""An execution is over in a warm container when that has let go of it; and one that must end does end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from control_plane.protocol.bounds import IMPORT_TOOK_TOO_LONG
from sqlalchemy import delete, select, update

from activities.warm.leases import Lease
from activities.warm.stops import LeaseStops
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.catalog.warm_containers.containers import EndedLease
from control_plane_server.catalog.warm_containers.polls import PollRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId
from control_plane_server.domain.reuse import Isolation
from tests.activities.warm.conftest import Rig
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.catalog.warm_containers.warm import REUSE
from tests.simulation.containers import SimulatedContainer

LONG = timedelta(minutes=1)
WITHIN = 10.0


class Leased:
    """An execution in a container that was idle before."""

    def __init__(self, rig: Rig, execution_id: ExecutionId, container_id: WarmContainerId, lease: Lease) -> None:
        self.rig = rig
        self.execution_id = execution_id
        self.container_id = container_id
        self.lease = lease

    @property
    def container(self) -> SimulatedContainer:
        return self.rig.fleet.containers[self.lease.container.name]

    @asynccontextmanager
    async def watched(self, *, release_patience: timedelta = LONG) -> "AsyncIterator[asyncio.Task[ContainerExit]]":
        watch = self.rig.watch(release_patience=release_patience)
        async with asyncio.timeout(WITHIN):
            task = asyncio.create_task(watch.wait_for_end(self.lease))
            try:
                yield task
            finally:
                task.cancel()


@pytest.fixture
async def leased(rig: Rig) -> Leased:
    container_id = await rig.idle()
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    container = await launcher.ensure_container()
    assert container is not None
    return Leased(rig, execution_id, container_id, launcher.lease(container))


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [(0, "exited without a result"), (3, "exit code 3"), (-9, "killed by SIGKILL"), (None, "exited without a result")],
)
async def test_it_is_over_when_it_is_released_and_its_container_stays(
    rig: Rig, leased: Leased, exit_code: int | None, reason: str
) -> None:
    async with leased.watched() as watching:
        await rig.note(leased.execution_id, "execution_start_time")
        await rig.warm.let_go(leased.container_id, exit_code)
        found = await watching
    assert found == ContainerExit(cause=ExitCause.EXITED, reason=reason, exit_code=exit_code)
    assert leased.container.is_alive
    assert (await rig.warm.row(leased.container_id)).state == State.IDLE


async def test_a_stop_that_came_before_the_release_is_its_reason(rig: Rig, leased: Leased) -> None:
    async with leased.watched() as watching:
        await rig.note(leased.execution_id, "execution_start_time", "termination_signal_time")
        await rig.warm.let_go(leased.container_id, 143)
        found = await watching
    assert (found.cause, found.exit_code) == (ExitCause.STOPPED, 143)


async def test_what_was_released_before_anybody_watched_is_over(rig: Rig, leased: Leased) -> None:
    await rig.warm.let_go(leased.container_id, 0)
    async with leased.watched() as watching:
        assert (await watching).cause is ExitCause.EXITED


async def test_it_is_over_as_its_container_is_if_that_goes_first(rig: Rig, leased: Leased) -> None:
    async with leased.watched() as watching:
        leased.container.lose()
        assert (await watching).cause is ExitCause.LOST
    assert (await rig.warm.row(leased.container_id)).state == State.CLOSED


@pytest.mark.parametrize("has_begun", [True, False])
async def test_an_idle_container_that_is_killed_before_it_has_begun_costs_no_attempt(
    rig: Rig, leased: Leased, has_begun: bool
) -> None:
    if has_begun:
        await rig.note(leased.execution_id, "execution_start_time")
    leased.container.end(137, "killed by SIGKILL")
    async with leased.watched() as watching:
        found = await watching
    assert (found.cause is ExitCause.LOST) is not has_begun
    assert not found.failed_to_start


async def fresh(rig: Rig) -> tuple[SimulatedContainer, Lease]:
    """A container that was launched for its execution."""
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    container = await launcher.ensure_container()
    assert container is not None
    return rig.fleet.containers[container.name], launcher.lease(container)


@pytest.mark.parametrize(("exit_code", "is_lost"), [(0, True), (1, False)])
async def test_of_one_that_was_launched_for_it_that_is_so_only_if_it_ended_in_order(
    rig: Rig, exit_code: int, is_lost: bool
) -> None:
    container, lease = await fresh(rig)
    container_id = container.request.name.warm_container_id
    assert container_id is not None
    await rig.warm.next(container_id)
    container.end(exit_code, "exited")
    found = await rig.watch().wait_for_end(lease)
    assert (found.cause is ExitCause.LOST) is found.failed_to_start is is_lost


@pytest.mark.parametrize("exit_code", [0, 3])
async def test_an_import_that_ends_the_container_is_the_users_as_anywhere(rig: Rig, exit_code: int) -> None:
    container, lease = await fresh(rig)
    container.end(exit_code, "as it exited")
    found = await rig.watch().wait_for_end(lease)
    assert found == ContainerExit(cause=ExitCause.EXITED, reason="as it exited", exit_code=exit_code)


async def test_one_that_takes_too_long_has_timed_out(rig: Rig) -> None:
    container, lease = await fresh(rig)
    container.end(IMPORT_TOOK_TOO_LONG, "exit code 79")
    found = await rig.watch().wait_for_end(replace(lease, attempt_timeout=timedelta(seconds=5)))
    assert found.cause is ExitCause.EXITED
    assert found.reason == "AttemptTimedOut: the import of its module took longer than 600 s"


async def test_a_stop_of_what_was_launched_for_it_and_has_not_begun_does_not_wait_for_the_grace_period(
    rig: Rig,
) -> None:
    container, lease = await fresh(rig)
    watch = rig.watch(release_patience=timedelta(seconds=0.2), grace=LONG)
    async with asyncio.timeout(WITHIN):
        watching = asyncio.create_task(watch.wait_for_end(lease))
        await rig.note(lease.launch.execution_id, "termination_signal_time")
        while not container.is_stopping:
            await asyncio.sleep(0.01)
        container.end(143, "stopped")
        assert (await watching).cause is ExitCause.STOPPED


async def test_one_that_was_released_is_that_though_its_container_went_right_after(rig: Rig, leased: Leased) -> None:
    await rig.warm.let_go(leased.container_id, 4)
    leased.container.lose()
    async with leased.watched() as watching:
        assert (await watching).exit_code == 4


async def test_it_is_over_here_when_another_process_has_launched_it_again(rig: Rig, leased: Leased) -> None:
    async with rig.database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(launches=2))
    async with leased.watched() as watching:
        found = await watching
    assert (found.cause, found.is_undelivered) == (ExitCause.LOST, False)


async def test_one_that_does_not_begin_in_time_is_told_from_one_that_has(rig: Rig, leased: Leased) -> None:
    leased.lease = replace(leased.lease, deliver_by=asyncio.get_running_loop().time() + 0.2)
    async with leased.watched() as watching:
        assert (await watching).is_undelivered
    await rig.note(leased.execution_id, "execution_start_time")
    async with leased.watched() as watching:
        done, _ = await asyncio.wait((watching,), timeout=1)
        assert not done
    assert not leased.container.is_stopping


async def test_a_stop_is_told_to_the_container_which_stays(rig: Rig, leased: Leased) -> None:
    async with leased.watched() as watching:
        await rig.note(leased.execution_id, "execution_start_time", "termination_signal_time")
        while not (await rig.warm.next(leased.container_id)).must_stop:
            await asyncio.sleep(0.01)
        await rig.warm.let_go(leased.container_id, -9)
        found = await watching
    assert found.cause is ExitCause.STOPPED
    assert not leased.container.is_stopping


@pytest.mark.parametrize("reuse", [replace(REUSE, isolation=Isolation.PROCESS)], indirect=True)
async def test_of_a_container_that_is_the_process_a_stop_ends_all(rig: Rig, leased: Leased) -> None:
    async with leased.watched() as watching:
        await rig.note(leased.execution_id, "execution_start_time", "termination_signal_time")
        while not leased.container.is_stopping:
            await asyncio.sleep(0.01)
        leased.container.end(143, "stopped")
        assert (await watching).cause is ExitCause.STOPPED
    assert (await rig.warm.row(leased.container_id)).state == State.CLOSED


@pytest.mark.parametrize("noted", ["termination_signal_time", "execution_finish_time"])
async def test_a_container_that_does_not_let_go_of_what_is_over_is_stopped(
    rig: Rig, leased: Leased, noted: str
) -> None:
    async with leased.watched(release_patience=timedelta(seconds=0.3)) as watching:
        await rig.note(leased.execution_id, "execution_start_time", noted)
        while not leased.container.is_stopping:
            await asyncio.sleep(0.01)
        # No other execution is given to it before it is gone.
        assert (await rig.warm.next(leased.container_id)).must_end
        leased.container.end(143, "stopped")
        await watching


@pytest.mark.parametrize(
    ("reuse", "noted"),
    [
        (REUSE, "execution_finish_time"),
        (replace(REUSE, isolation=Isolation.PROCESS), "termination_signal_time"),
    ],
    indirect=["reuse"],
)
async def test_one_that_lets_go_at_the_last_moment_is_not_stopped(rig: Rig, leased: Leased, noted: str) -> None:
    await rig.note(leased.execution_id, "execution_start_time", noted)
    async with rig.database.transaction() as connection:
        ended = EndedLease(execution_id=leased.execution_id, launch=1, exit_code=7)
        await PollRepository(cast(StatementConnection, connection)).next(leased.container_id, ended=ended)
        watching = asyncio.create_task(rig.watch().wait_for_end(leased.lease))
        async with asyncio.timeout(WITHIN):
            await somebody_waits_for_a_lock(rig.database)
    async with asyncio.timeout(WITHIN):
        found = await watching
    assert found.cause is (ExitCause.EXITED if noted == "execution_finish_time" else ExitCause.STOPPED)
    assert not leased.container.is_stopping
    assert (await rig.warm.row(leased.container_id)).state == State.IDLE


@pytest.mark.parametrize("runs_another", [False, True])
async def test_what_the_catalog_does_not_know_is_stopped_unless_its_container_has_gone_on(
    rig: Rig, leased: Leased, runs_another: bool
) -> None:
    """A catalog that was restored from before the lease has the container as idle."""
    await rig.warm.let_go(leased.container_id)
    async with rig.database.statement() as connection:
        execution = select(ExecutionRow.invocation_id).where(ExecutionRow.execution_id == leased.execution_id)
        await connection.execute(
            delete(InvocationRow).where(InvocationRow.invocation_id == execution.scalar_subquery())
        )
    if runs_another:
        assert await rig.warm.lease(await rig.warm.execution())
    async with leased.watched() as watching:
        while not (leased.container.is_stopping or watching.done()):
            await asyncio.sleep(0.01)
        assert leased.container.is_stopping is not runs_another
        leased.container.end(143, "stopped")
        assert (await watching).cause is ExitCause.STOPPED


async def test_who_knows_the_launch_alone_stops_no_container_that_has_let_go_of_it(rig: Rig, leased: Leased) -> None:
    launch = leased.lease.launch
    container = replace(leased.lease.container, name=launch)
    stops = LeaseStops(database=rig.database, provisioner=rig.fleet)
    await rig.warm.let_go(leased.container_id)
    await stops.ask(launch, container, Isolation.PROCESS)
    assert not leased.container.is_stopping
    other = await rig.launcher(await rig.warm.execution())
    assert await other.ensure_container()
    await stops.ask(launch, container, Isolation.PROCESS)
    assert not leased.container.is_stopping


async def test_one_that_hears_neither_of_its_execution_nor_of_the_stop_is_stopped_soon(
    rig: Rig, leased: Leased
) -> None:
    leased.lease = replace(leased.lease, deliver_by=asyncio.get_running_loop().time() + 0.2)
    async with leased.watched():
        await rig.note(leased.execution_id, "termination_signal_time")
        while not leased.container.is_stopping:
            await asyncio.sleep(0.01)


async def test_an_attempt_that_is_out_of_time_is_stopped(rig: Rig, leased: Leased) -> None:
    leased.lease = replace(leased.lease, attempt_timeout=timedelta(seconds=0.6))
    async with leased.watched():
        await rig.note(leased.execution_id, "execution_start_time")
        while not (await rig.warm.next(leased.container_id)).must_stop:
            await asyncio.sleep(0.01)
    assert (await rig.execution(leased.execution_id)).termination_signal_time is not None
    assert not leased.container.is_stopping
