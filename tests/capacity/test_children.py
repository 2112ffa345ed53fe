"""A parent of many running children: how soon they run, and how soon they are gone once it is cancelled.

CAPACITY_CHILDREN=1000 chooses how many; the bounds below are for that many on a machine with nothing else to do.
"""

import asyncio
import os
import time

import pytest
from sqlalchemy import func, select
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.identifiers import FunctionName
from tests.figures import Show
from tests.simulation.client import Json
from tests.simulation.control_plane import open_control_plane

_CHILDREN = int(os.environ.get("CAPACITY_CHILDREN", "100"))
_OF_ONE_FUNCTION = 100  # the highest limit that a function may have
_CALLS_AT_ONCE = 8
_STARTED_WITHIN = 40.0
_CANCELLED_WITHIN = 30.0


def _function(name: str, *, max_concurrency: int) -> Json:
    return {
        "function_name": name,
        "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": max_concurrency},
        "execution_spec": {"max_retries": 0, "timeout_seconds": 3_600},
    }


@pytest.mark.timeout(300)
async def test_children_run_soon_and_end_soon_after_their_parent(
    database: Database, temporal: Client, show: Show
) -> None:
    functions = [_function(f"child-{first}", max_concurrency=_OF_ONE_FUNCTION) for first in _firsts()]
    async with open_control_plane(
        "children",
        [_function("parent", max_concurrency=1), *functions],
        database=database,
        temporal=temporal,
        stop_grace_seconds=1,
    ) as control_plane:
        parent = await control_plane.api.submit(FunctionName("parent"))
        async with asyncio.timeout(_STARTED_WITHIN):
            while not control_plane.fleet.alive:
                await asyncio.sleep(0.02)
        (container,) = control_plane.fleet.alive
        start = time.monotonic()
        numbers = iter(range(_CHILDREN))

        async def call() -> None:
            for number in numbers:
                function = FunctionName(f"child-{number - number % _OF_ONE_FUNCTION}")
                await control_plane.api.submit_from(container, function)

        await asyncio.gather(*(call() for _ in range(_CALLS_AT_ONCE)))
        while len(control_plane.fleet.alive) <= _CHILDREN:
            await asyncio.sleep(0.02)
        started = time.monotonic() - start
        start = time.monotonic()
        await control_plane.api.cancel(parent)
        while await _running(database):
            await asyncio.sleep(0.1)
        cancelled = time.monotonic() - start
        show(f"{_CHILDREN} children: all of them run after {started:.1f} s; cancelled, none after {cancelled:.1f} s")
        assert control_plane.fleet.alive == []
        assert started < _STARTED_WITHIN
        assert cancelled < _CANCELLED_WITHIN


def _firsts() -> range:
    return range(0, _CHILDREN, _OF_ONE_FUNCTION)


async def _running(database: Database) -> bool:
    async with database.statement() as connection:
        running = select(func.count()).where(InvocationRow.status == InvocationStatus.RUNNING)
        return bool(await connection.scalar(running))
