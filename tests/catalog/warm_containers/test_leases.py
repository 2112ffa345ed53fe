"""Leases: one launch has one container, whoever asks and however often; what a lease writes and what undoes it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL
from control_plane_server.catalog.warm_containers.containers import Lease
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.bounds import MAX_FUNCTION_NAME_LENGTH
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionName,
    new_invocation_id,
    warm_container_id_for,
)
from tests.catalog.warm_containers.warm import Warm, details_of


@pytest.fixture
async def warm(database: Database) -> Warm:
    return await Warm.begin(database)


async def begin_another(warm: Warm, execution_id: ExecutionId) -> None:
    async with warm.database.statement() as connection:
        over = ContainerName(execution_id=execution_id, launch=1)
        assert await LaunchRepository(connection).begin_another(over, reason="lost")


async def test_an_idle_container_is_leased_and_recorded_as_the_executions(warm: Warm) -> None:
    container_id = await warm.idle()
    execution_id = await warm.execution()
    leased = await warm.lease(execution_id)
    assert leased is not None
    assert (leased.container_id, leased.state, leased.was_idle) == (container_id, State.LEASED, True)
    assert (leased.execution_id, leased.launch, leased.is_delivered) == (execution_id, 1, False)
    assert leased.details == details_of(container_id)
    execution = await warm.execution_row(execution_id)
    assert (execution.is_warm_start, execution.container_identifier) == (True, details_of(container_id).identifier)
    assert execution.container_status == "RUNNING"


async def test_a_lease_that_is_tried_again_is_the_same(warm: Warm) -> None:
    for _ in range(2):
        await warm.idle()
    execution_id = await warm.execution()
    first, second = await warm.lease(execution_id), await warm.lease(execution_id)
    assert first is not None
    assert second is not None
    assert first.container_id == second.container_id


async def test_however_many_try_a_launch_it_has_one_container(warm: Warm) -> None:
    idle = {await warm.idle() for _ in range(5)}
    execution_id = await warm.execution()
    found = await asyncio.gather(*(warm.lease(execution_id) for _ in range(5)))
    leased = [one.container_id for one in found if one is not None]
    assert leased
    assert len(set(leased)) == 1
    assert [await warm.state(one) for one in idle].count(State.LEASED) == 1
    again = await warm.lease(execution_id)
    assert again is not None
    assert again.container_id == leased[0]


async def test_lease_and_begin_at_once_decide_for_one(warm: Warm) -> None:
    for _ in range(5):
        idle = await warm.idle()
        execution_id = await warm.execution()
        await asyncio.gather(warm.lease(execution_id), warm.begun(execution_id), warm.lease(execution_id))
        own = warm_container_id_for(execution_id, 1)
        states = [await warm.state(idle), await warm.state(own)]
        assert states in ([State.LEASED, State.ABSENT], [State.IDLE, State.LEASED])
        for found in (await warm.lease(execution_id), await warm.begun(execution_id)):
            assert found is not None
            assert found.container_id == (idle if states[0] is State.LEASED else own)
            assert found.was_idle == (states[0] is State.LEASED)
        await warm.close(idle, is_gone=True)


async def test_executions_at_once_have_different_containers(warm: Warm) -> None:
    idle = {await warm.idle() for _ in range(3)}
    executions = [await warm.execution() for _ in range(5)]
    found = await asyncio.gather(*(warm.lease(execution_id) for execution_id in executions))
    leased = [one.container_id for one in found if one is not None]
    assert len(leased) == len(set(leased)) == 3
    assert set(leased) == idle


async def test_the_most_recently_used_is_leased(warm: Warm) -> None:
    containers = [await warm.idle() for _ in range(3)]
    leased = await warm.lease(await warm.execution())
    assert leased is not None
    assert leased.container_id == containers[-1]


async def test_containers_of_other_functions_are_not_leased(warm: Warm, database: Database) -> None:
    await (await Warm.begin(database)).idle()
    assert await warm.lease(await warm.execution()) is None


@pytest.mark.parametrize("why", ["silent", "not recorded", "stopped", "overtaken", "ended"])
async def test_nothing_is_leased(warm: Warm, why: str) -> None:
    container_id = await warm.idle()
    execution_id = await warm.execution()
    match why:
        case "silent":
            await warm.change(container_id, heard_time=func.clock_timestamp() - timedelta(seconds=41))
        case "not recorded":
            await warm.change(container_id, container_identifier=None)
        case "stopped":
            await warm.change_execution(execution_id, termination_signal_time=func.clock_timestamp())
        case "overtaken":
            await begin_another(warm, execution_id)
        case "ended":
            await warm.change_execution(execution_id, container_status="TERMINATED")
    assert await warm.lease(execution_id) is None
    assert await warm.state(container_id) is State.IDLE
    if why in ("overtaken", "ended"):
        assert await warm.begun(execution_id) is None


async def test_the_next_launch_may_lease_again(warm: Warm) -> None:
    execution_id = await warm.execution()
    first = await warm.begun(execution_id)
    assert first is not None
    idle = await warm.idle()
    await begin_another(warm, execution_id)
    assert (await warm.execution_row(execution_id)).is_warm_start is None
    second = await warm.lease(execution_id, 2)
    assert second is not None
    assert (second.container_id, second.launch) == (idle, 2)
    assert await warm.lease(execution_id, 1) is not None, "the first is still that launch's, until it is closed"


async def test_a_container_that_is_launched_for_a_launch_is_leased_to_it(warm: Warm) -> None:
    execution_id = await warm.execution()
    for _ in range(2):
        begun = await warm.begun(execution_id)
        assert begun is not None
        assert (begun.container_id, begun.was_idle) == (warm_container_id_for(execution_id, 1), False)
        assert begun.details is None
    assert (await warm.execution_row(execution_id)).is_warm_start is False


async def test_a_lease_is_revoked_unless_it_was_started(warm: Warm) -> None:
    container_id = await warm.idle()
    execution_id = await warm.execution()
    await warm.lease(execution_id)
    await warm.change_execution(execution_id, execution_start_time=func.clock_timestamp())
    assert await warm.revoke(execution_id) is None
    assert await warm.state(container_id) is State.LEASED
    await begin_another(warm, execution_id)  # which forgets the start
    revoked = await warm.revoke(execution_id)
    assert revoked is not None
    assert (revoked.container_id, revoked.state, revoked.details) == (
        container_id,
        State.CLOSED,
        details_of(container_id),
    )
    assert (await warm.next(container_id)).must_end
    assert await warm.revoke(execution_id) is None


async def test_a_stop_is_told_to_the_container_that_has_the_lease(warm: Warm) -> None:
    container_id = await warm.started()
    (execution_id,) = warm.executions
    async with warm.database.statement() as connection:
        leases = LeaseRepository(connection)
        assert not await leases.request_stop(execution_id, 2)
        assert not (await warm.next(container_id)).must_stop
        assert await leases.request_stop(execution_id, 1)
        assert await leases.request_stop(execution_id, 1)
    assert (await warm.next(container_id)).must_stop
    assert not (await warm.let_go(container_id)).must_stop
    async with warm.database.statement() as connection:
        assert not await LeaseRepository(connection).request_stop(execution_id, 1)


async def test_what_was_closed_before_it_was_recorded_is_to_be_stopped(warm: Warm) -> None:
    execution_id = await warm.execution()
    begun = await warm.begun(execution_id)
    assert begun is not None
    await warm.close(begun.container_id, is_gone=True)
    assert not await warm.record(begun.container_id)


@pytest.mark.parametrize("character", ["x", '"', "\x01", "ü", "\U0001f600"])
async def test_whatever_a_function_is_called_its_lease_can_be_told(warm: Warm, character: str) -> None:
    lease = Lease(
        function=replace(warm.function, function_name=FunctionName(character * MAX_FUNCTION_NAME_LENGTH)),
        invocation_id=new_invocation_id(),
        execution_id=ExecutionId("exe-1"),
        launch=1,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
    )
    assert Lease.of_words(lease.to_words()) == lease
    async with warm.database.statement() as connection:
        await connection.execute(select(func.pg_notify(WARM_CONTAINERS_CHANNEL, f"{'c' * 64} {lease.to_words()}")))
