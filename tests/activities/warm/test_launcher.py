"""An execution gets a container that is idle, or one of its own that is kept: never two, never one that two have."""

from dataclasses import replace

import pytest

from activities.container_launcher import MOST_FAILED_STARTS
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ExitCause
from control_plane_server.domain.errors import FunctionFailure, Unavailable
from control_plane_server.domain.identifiers import WarmContainerId, warm_container_id_for
from tests.activities.warm.conftest import UNDELIVERED, Rig
from tests.catalog.warm_containers.warm import REUSE
from tests.simulation.containers import Fault

LOST = ContainerExit(cause=ExitCause.LOST, reason="The host was taken back")


def id_of(container: Container | None) -> WarmContainerId:
    assert container is not None
    container_id = container.name.warm_container_id
    assert container_id is not None
    return container_id


async def test_where_none_is_idle_one_is_launched_that_knows_no_execution(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    container = await (await rig.launcher(execution_id)).ensure_container()
    assert id_of(container) == warm_container_id_for(execution_id, 1)
    (launched,) = rig.fleet.alive
    assert launched.request.invocation_id is None
    assert launched.request.reuse == REUSE
    assert launched.request.token.startswith(f"{id_of(container)}.")
    row = await rig.execution(execution_id)
    assert (row.container_status, row.is_warm_start) == ("RUNNING", False)
    assert (await rig.warm.row(id_of(container))).state == State.LEASED


async def test_one_that_is_idle_is_leased_and_nothing_is_launched(rig: Rig) -> None:
    idle = await rig.idle()
    execution_id = await rig.warm.execution()
    container = await (await rig.launcher(execution_id)).ensure_container()
    assert id_of(container) == idle
    assert len(rig.fleet.containers) == 1
    row = await rig.execution(execution_id)
    assert (row.container_status, row.is_warm_start, row.launches) == ("RUNNING", True, 1)
    assert rig.asked_for_upkeep == 0


@pytest.mark.parametrize("reuse", [replace(REUSE, min_idle=1)], indirect=True)
async def test_a_container_that_is_gone_from_those_kept_ready_is_replaced_soon(rig: Rig) -> None:
    await rig.idle()
    await (await rig.launcher(await rig.warm.execution())).ensure_container()
    assert rig.asked_for_upkeep == 1


async def test_two_executions_never_get_the_same(rig: Rig) -> None:
    idle = await rig.idle()
    containers = [await (await rig.launcher(await rig.warm.execution())).ensure_container() for _ in range(2)]
    assert [id_of(container) == idle for container in containers] == [True, False]


@pytest.mark.parametrize("was_idle", [True, False])
async def test_whoever_takes_over_finds_the_same_container(rig: Rig, was_idle: bool) -> None:
    if was_idle:
        await rig.idle()
    execution_id = await rig.warm.execution()
    first = await (await rig.launcher(execution_id)).ensure_container()
    await rig.idle()  # which it must not take
    second = await rig.launcher(execution_id)
    found = await second.ensure_container()
    assert found == first
    assert found is not None
    assert (second.lease(found).deliver_by is not None) is was_idle


@pytest.mark.parametrize("fault", [Fault.REQUEST_IS_LOST, Fault.ANSWER_IS_LOST])
async def test_a_try_that_died_around_the_launch_is_gone_on_with(rig: Rig, fault: Fault) -> None:
    execution_id = await rig.warm.execution()
    rig.fleet.faults.append(fault)
    with pytest.raises(Exception, match=fault):
        await (await rig.launcher(execution_id)).ensure_container()
    await rig.idle()  # it has begun one of its own, and must not take this
    container = await (await rig.launcher(execution_id)).ensure_container()
    assert id_of(container) == warm_container_id_for(execution_id, 1)
    assert rig.fleet.violations == []


async def test_a_launch_that_is_refused_for_want_of_capacity_leaves_no_row_open(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    rig.fleet.faults.append(Fault.NO_CAPACITY)
    container = await (await rig.launcher(execution_id)).ensure_container()
    assert id_of(container) == warm_container_id_for(execution_id, 2)
    assert (await rig.warm.row(warm_container_id_for(execution_id, 1))).state == State.CLOSED


async def test_a_container_that_infrastructure_took_is_replaced_by_one_that_is_idle(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    await launcher.ensure_container()
    idle = await rig.idle()
    assert id_of(await launcher.replace_container(LOST)) == idle
    row = await rig.execution(execution_id)
    assert (row.launches, row.refused_launches, row.is_warm_start) == (2, 0, True)


async def test_one_that_does_not_begin_is_stopped_and_the_next_is_fresh_whatever_is_idle(rig: Rig) -> None:
    deaf = await rig.idle()
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    assert id_of(await launcher.ensure_container()) == deaf
    await rig.idle()
    replaced = await launcher.replace_container(UNDELIVERED)
    assert id_of(replaced) == warm_container_id_for(execution_id, 2)
    assert rig.fleet.containers[ContainerName.of_warm(deaf)].is_stopping
    assert (await rig.warm.row(deaf)).state == State.CLOSED
    assert (await rig.warm.next(deaf)).must_end
    row = await rig.execution(execution_id)
    assert (row.launches - row.refused_launches, row.failed_starts, row.is_warm_start) == (1, 0, False)


async def test_one_that_has_begun_after_all_goes_on(rig: Rig) -> None:
    await rig.idle()
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    container = await launcher.ensure_container()
    await rig.note(execution_id, "execution_start_time")
    assert await launcher.replace_container(UNDELIVERED) == container
    assert (await rig.execution(execution_id)).launches == 1
    assert not any(one.is_stopping for one in rig.fleet.alive)


async def test_what_has_run_and_was_let_go_before_anybody_knew_its_container_runs_once(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    await rig.warm.begun(execution_id)  # launched by a try whose answer was lost, and gone since
    container_id = warm_container_id_for(execution_id, 1)
    await rig.warm.next(container_id)
    await rig.note(execution_id, "execution_start_time")
    await rig.warm.let_go(container_id, 3)
    launcher = await rig.launcher(execution_id)
    with pytest.raises(FunctionFailure, match="exit code 3"):
        await launcher.ensure_container()
    assert not rig.fleet.containers


async def test_what_is_stopped_before_it_had_a_container_gets_none(rig: Rig) -> None:
    await rig.idle()
    execution_id = await rig.warm.execution()
    await rig.note(execution_id, "termination_signal_time")
    assert await (await rig.launcher(execution_id)).ensure_container() is None
    assert len(rig.fleet.containers) == 1


async def test_what_is_stopped_while_it_is_launched_has_its_container_stopped(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    launcher = await rig.launcher(execution_id)
    await rig.note(execution_id, "termination_signal_time")
    assert await launcher.ensure_container() is not None
    assert [one.is_stopping for one in rig.fleet.alive] == [True]


async def test_a_stop_strikes_no_container_that_has_let_go_before_anybody_knew_where_it_is(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    rig.fleet.faults.append(Fault.ANSWER_IS_LOST)
    with pytest.raises(Unavailable):
        await (await rig.launcher(execution_id)).ensure_container()
    container_id = warm_container_id_for(execution_id, 1)
    await rig.warm.next(container_id)
    await rig.note(execution_id, "termination_signal_time")
    await rig.warm.let_go(container_id, 143)
    await (await rig.launcher(execution_id)).ensure_container()
    (container,) = rig.fleet.alive
    assert not container.is_stopping
    assert (await rig.warm.row(container_id)).state == State.IDLE


async def test_starts_that_fail_in_a_row_end_the_execution_as_those_of_others(rig: Rig) -> None:
    execution_id = await rig.warm.execution()
    failed = replace(LOST, failed_to_start=True)
    for _ in range(MOST_FAILED_STARTS - 1):
        launcher = await rig.launcher(execution_id)
        launcher._pause = lambda: 0.0  # type: ignore[method-assign]
        await launcher.replace_container(failed)
    with pytest.raises(Exception, match="in a row have failed"):
        await (await rig.launcher(execution_id)).replace_container(failed)


async def test_an_image_that_cannot_be_started_leaves_no_row_open(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise FunctionFailure("no such image")

    monkeypatch.setattr(rig.fleet, "launch", refuse)
    execution_id = await rig.warm.execution()
    with pytest.raises(FunctionFailure):
        await (await rig.launcher(execution_id)).ensure_container()
    assert (await rig.warm.row(warm_container_id_for(execution_id, 1))).state == State.CLOSED
