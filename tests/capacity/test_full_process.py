"""Processes that have no place left for another container: what waits for one can be stopped, and costs nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow, WaitingExecutionRow
from control_plane_server.domain.entities import ExecutionOutcome, InvocationStatus
from control_plane_server.domain.identifiers import FunctionName, InvocationId
from tests.figures import Show
from tests.simulation.client import Json, Submitted
from tests.simulation.containers import SimulatedContainer
from tests.simulation.control_plane import ControlPlane, open_control_plane
from workflows import policies
from workflows.naming import invocation_workflow_id

_LONG = FunctionName("long")
_HASTY = FunctionName("hasty")
_NARROW = FunctionName("narrow")
# Generous: the machine may do other things. Without an end of its own, each wait would last as long as a day-long job.
_WITHIN = 20.0


def _function(name: FunctionName, *, max_concurrency: int = 50, timeout_seconds: int = 3_600) -> Json:
    return {
        "function_name": name,
        "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": max_concurrency},
        "execution_spec": {"max_retries": 0, "timeout_seconds": timeout_seconds},
    }


_FUNCTIONS = (_function(_LONG), _function(_HASTY, timeout_seconds=1), _function(_NARROW, max_concurrency=1))


async def test_what_waits_for_its_turn_is_stopped_within_seconds(
    database: Database, temporal: Client, show: Show
) -> None:
    async with open_control_plane(
        "stops", _FUNCTIONS, database=database, temporal=temporal, max_concurrent_executions=1
    ) as control_plane:
        holder = await _running(control_plane, _LONG)
        by_rest, by_temporal = [await control_plane.api.submit(_LONG) for _ in range(2)]
        by_timeout = await control_plane.api.submit(_HASTY)
        start = time.monotonic()
        await control_plane.api.cancel(by_rest)
        await temporal.get_workflow_handle(invocation_workflow_id(by_temporal.invocation_id)).cancel()
        await _have_ended(control_plane, by_rest, by_temporal)
        show(f"full process: two cancellations took {time.monotonic() - start:.1f} s")
        await _have_ended(control_plane, by_timeout)
        show(f"full process: a timeout of 1 s took {time.monotonic() - start:.1f} s")
        assert holder.is_alive
        assert list(control_plane.fleet.containers) == [holder.request.name], "nothing else was ever launched"


async def test_a_container_whose_loop_is_gone_is_seen_to_its_end_though_the_other_is_full(
    database: Database, temporal: Client, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "STOP_PATIENCE", timedelta(seconds=0.5))
    async with open_control_plane(
        "adopted", _FUNCTIONS, database=database, temporal=temporal, max_concurrent_executions=1, stop_grace_seconds=0.2
    ) as control_plane:
        orphan = await _running(control_plane, _LONG)
        await control_plane.loops.start()
        await _running(control_plane, _LONG)
        await control_plane.loops.stop(0)
        start = time.monotonic()
        assert orphan.request.invocation_id is not None
        invocation = Submitted(function=_LONG, invocation_id=orphan.request.invocation_id)
        await control_plane.api.cancel(invocation)
        await _have_ended(control_plane, invocation)
        show(f"full process: the end of a stopped container without a loop took {time.monotonic() - start:.1f} s")
        assert not orphan.is_alive


async def test_a_grant_that_waits_for_its_turn_is_signalled_once(
    database: Database, temporal: Client, show: Show
) -> None:
    async with open_control_plane(
        "grants", _FUNCTIONS, database=database, temporal=temporal, max_concurrent_executions=2
    ) as control_plane:
        first = await _running(control_plane, _NARROW)
        granted, *others = [await control_plane.api.submit(_NARROW) for _ in range(11)]
        await _until(lambda: _has_waiting(database, 11))
        await _running(control_plane, _LONG)
        next_one = await control_plane.api.submit(_LONG)
        await _until(lambda: _waits_for_its_turn(temporal, next_one))
        await control_plane.api.start(first)
        await control_plane.api.finish(first, ExecutionOutcome.SUCCEEDED)
        first.end(0, "exit code 0")
        await _until(lambda: _has_signalled_grant(database, granted.invocation_id))
        for other in others:
            await control_plane.api.cancel(other)
        await _have_ended(control_plane, *others)
        history = await temporal.get_workflow_handle(granted.invocation_id).fetch_history()
        signals = sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)
        show(f"full process: {signals} signal for a grant that waits while {len(others)} others give up")
        assert signals == 1


async def _running(control_plane: ControlPlane, function: FunctionName) -> SimulatedContainer:
    """A container of an invocation that is submitted now."""
    submitted = await control_plane.api.submit(function)
    async with asyncio.timeout(_WITHIN):
        while True:
            for container in control_plane.fleet.alive:
                if container.request.invocation_id == submitted.invocation_id:
                    return container
            await asyncio.sleep(0.02)


async def _have_ended(control_plane: ControlPlane, *invocations: Submitted) -> None:
    ids = [invocation.invocation_id for invocation in invocations]

    async def have_ended() -> bool:
        async with control_plane.database.statement() as connection:
            running = select(func.count()).where(
                InvocationRow.invocation_id.in_(ids), InvocationRow.status == InvocationStatus.RUNNING
            )
            return await connection.scalar(running) == 0

    await _until(have_ended)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_WITHIN):
        while not await condition():
            await asyncio.sleep(0.02)


async def _has_waiting(database: Database, count: int) -> bool:
    async with database.statement() as connection:
        return await connection.scalar(select(func.count()).select_from(WaitingExecutionRow)) == count


async def _has_signalled_grant(database: Database, invocation_id: InvocationId) -> bool:
    async with database.statement() as connection:
        signalled = select(ExecutionRow.grant_signal_time.is_not(None)).where(
            ExecutionRow.invocation_id == invocation_id
        )
        return bool(await connection.scalar(signalled))


async def _waits_for_its_turn(temporal: Client, invocation: Submitted) -> bool:
    """Its activity is there, and no process has it."""
    description = await temporal.get_workflow_handle(invocation_workflow_id(invocation.invocation_id)).describe()
    return [activity.state for activity in description.raw_description.pending_activities] == [
        PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    ]
