"""What is kept ready, what is ended that nobody needs or hears, and what a deletion ends, whoever died before."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from activities.reconciliation.orphaned_containers import OrphanedContainers
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.warm_containers import WarmContainers
from activities.warm.project_end import ProjectEnd
from activities.warm.upkeep import WarmUpkeep
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, ProjectRow
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.catalog.warm_containers.table import WarmContainerRow
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.identifiers import WarmContainerId
from control_plane_server.domain.messages import DeletionRequest
from tests.activities.warm.conftest import GRACE, PREPARED, Rig
from tests.catalog.warm_containers.warm import REUSE
from tests.simulation.containers import Fault
from workflows import policies

LONG_AGO = func.clock_timestamp() - timedelta(minutes=2)
KEPT_READY = pytest.mark.parametrize("reuse", [replace(REUSE, min_idle=2)], indirect=True)


@pytest.fixture
async def upkeep(rig: Rig) -> WarmUpkeep:
    async with rig.database.statement() as connection:
        await connection.execute(
            update(FunctionRow)
            .where(FunctionRow.version_id == rig.warm.function.version_id)
            .values(prepared_type=PREPARED.type, prepared_identifier=PREPARED.identifier)
        )
    return WarmUpkeep(database=rig.database, provisioner=rig.fleet, signing_key="key")


async def states(rig: Rig) -> dict[WarmContainerId, State]:
    async with rig.database.statement() as connection:
        found = await connection.execute(
            select(WarmContainerRow.container_id, WarmContainerRow.state)
            .join(FunctionRow, FunctionRow.function_id == WarmContainerRow.function_id)
            .where(FunctionRow.version_id == rig.warm.function.version_id)
        )
    return {WarmContainerId(row.container_id): State(row.state) for row in found}


async def reconcile(rig: Rig) -> None:
    run = RepairRun("for a test")
    await run.run(WarmContainers(database=rig.database, provisioner=rig.fleet).end)
    await run.run(OrphanedContainers(database=rig.database, provisioner=rig.fleet, grace=GRACE).stop)


def is_stopping(rig: Rig, container_id: WarmContainerId) -> bool:
    return rig.fleet.containers[ContainerName.of_warm(container_id)].is_stopping


@KEPT_READY
@pytest.mark.parametrize("fault", [None, *Fault])
async def test_as_many_as_wanted_are_launched_whatever_befalls_the_first(
    rig: Rig, upkeep: WarmUpkeep, fault: Fault | None
) -> None:
    if fault is not None:
        rig.fleet.faults.append(fault)
    for _ in range(2):
        await upkeep.repair(RepairRun("for a test"))
    there = {name.warm_container_id for name in rig.fleet.containers}
    found = await states(rig)
    assert there == {one for one, state in found.items() if state is State.STARTING}
    assert len(there) == (1 if fault is Fault.NO_CAPACITY else 2)
    assert rig.fleet.violations == []
    for container_id, state in found.items():
        if state is State.STARTING:
            await rig.warm.next(container_id)
            assert (await rig.warm.row(container_id)).state == State.IDLE


@KEPT_READY
async def test_whoever_asks_often_has_it_looked_in_the_background(rig: Rig, upkeep: WarmUpkeep) -> None:
    upkeep.ask()  # before it is entered: nothing
    async with upkeep, asyncio.timeout(10):
        for _ in range(5):
            upkeep.ask()
        while len(rig.fleet.containers) < 2:
            await asyncio.sleep(0.01)
    assert len(await states(rig)) == 2


async def test_nothing_is_kept_ready_that_nobody_wants(rig: Rig, upkeep: WarmUpkeep) -> None:
    await upkeep.repair(RepairRun("for a test"))
    assert rig.fleet.containers == {}


async def test_an_idle_one_that_is_silent_is_closed_and_stopped(rig: Rig) -> None:
    silent, heard = await rig.idle(), await rig.warm.execution()
    await (await rig.launcher(heard)).ensure_container()  # has taken it
    other = await rig.idle()
    await rig.warm.let_go(silent)
    await rig.warm.change(silent, heard_time=LONG_AGO)
    await reconcile(rig)
    assert await states(rig) == {silent: State.CLOSED, other: State.IDLE}
    assert is_stopping(rig, silent)
    assert not is_stopping(rig, other)


@pytest.mark.parametrize("how", ["has ended", "has gone on"])
async def test_one_whose_execution_went_on_without_it_is_closed_and_stopped(rig: Rig, how: str) -> None:
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    assert await launcher.ensure_container() is not None
    (container_id,) = await states(rig)
    await rig.warm.change(container_id, lease_time=LONG_AGO)
    await reconcile(rig)
    assert await states(rig) == {container_id: State.LEASED}
    values: dict[str, Any] = {"launches": 2} if how == "has gone on" else {"container_status": "TERMINATED"}
    async with rig.database.statement() as connection:
        await connection.execute(
            update(ExecutionRow)
            .where(ExecutionRow.execution_id == execution_id)
            .values(launch_time=LONG_AGO, last_update_time=LONG_AGO, **values)
        )
    await reconcile(rig)
    assert await states(rig) == {container_id: State.CLOSED}
    assert is_stopping(rig, container_id)


async def test_one_that_is_gone_is_closed(rig: Rig) -> None:
    container_id = await rig.idle()
    rig.fleet.containers[ContainerName.of_warm(container_id)].lose()
    await reconcile(rig)
    assert await states(rig) == {container_id: State.IDLE}, "it may not be visible yet"
    await rig.warm.change(container_id, creation_time=LONG_AGO)
    await reconcile(rig)
    assert await states(rig) == {container_id: State.CLOSED}


async def test_one_that_is_closed_and_does_not_end_is_stopped(rig: Rig) -> None:
    container_id = await rig.idle()
    await rig.warm.close(container_id)
    await rig.warm.change(container_id, close_time=func.clock_timestamp() - policies.CONTAINER_PATIENCE)
    await reconcile(rig)
    assert not is_stopping(rig, container_id), "it may be stopping"
    await rig.warm.change(container_id, close_time=LONG_AGO)
    await reconcile(rig)
    assert is_stopping(rig, container_id)


async def test_a_deletion_ends_those_that_run_nothing_and_waits_for_all(rig: Rig) -> None:
    busy = await rig.warm.execution()
    await (await rig.launcher(busy)).ensure_container()
    stopping = await (await rig.launcher(await rig.warm.execution())).ensure_container()
    assert stopping is not None
    assert stopping.name.warm_container_id is not None
    await rig.warm.close(stopping.name.warm_container_id, is_gone=True)  # stopped with its execution
    await rig.idle()
    async with rig.database.statement() as connection:
        creation_time = await connection.scalar(
            select(ProjectRow.creation_time).where(ProjectRow.project_name == rig.warm.function.project_name)
        )
    assert creation_time is not None
    request = DeletionRequest(project_name=rig.warm.function.project_name, creation_time=creation_time)
    end = ProjectEnd(database=rig.database, provisioner=rig.fleet)
    later = replace(request, creation_time=creation_time + timedelta(seconds=1))
    assert await end.end_containers(later, nothing_runs=True) == 0, "another project of its name is left alone"
    assert set((await states(rig)).values()) == {State.LEASED, State.CLOSED, State.IDLE}
    assert await end.end_containers(request, nothing_runs=False) == 3
    assert sorted(one.is_stopping for one in rig.fleet.alive) == [False, False, True]
    assert not is_stopping(rig, stopping.name.warm_container_id), "it is stopped once"
    assert await end.end_containers(request, nothing_runs=True) == 3
    assert all(one.is_stopping for one in rig.fleet.alive)
    for one in rig.fleet.alive:
        one.end(143, "stopped")
    assert await end.end_containers(request, nothing_runs=True) == 0
    await end.forget_containers(request)
    assert await states(rig) == {}
