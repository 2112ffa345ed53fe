"""A project is deleted while others go on submitting to it, and its own executions too."""

import asyncio
import time

from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.domain.identifiers import FunctionName
from tests.figures import Show
from tests.simulation.client import Json
from tests.simulation.control_plane import open_control_plane

_FUNCTION = FunctionName("busy")
_FUNCTIONS: tuple[Json, ...] = (
    {
        "function_name": _FUNCTION,
        "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 2},
        "execution_spec": {"max_retries": 0, "timeout_seconds": 3_600},
    },
)
_WITHIN = 60.0
_PAUSE = 0.02  # between two submits of one client: all of it is one process, most of which the clients would take


async def test_traffic_does_not_keep_a_project_from_being_deleted(
    database: Database, temporal: Client, show: Show
) -> None:
    async with open_control_plane(
        "traffic", _FUNCTIONS, database=database, temporal=temporal, stop_grace_seconds=0.2
    ) as control_plane:
        await control_plane.api.submit(_FUNCTION)
        async with asyncio.timeout(_WITHIN):
            while not control_plane.fleet.alive:
                await asyncio.sleep(0.02)
        (parent,) = control_plane.fleet.alive
        accepted = refused = 0

        async def submit(*, is_child: bool) -> None:
            nonlocal accepted, refused
            while True:
                if await control_plane.api.submit_unless_deleted(_FUNCTION, parent=parent if is_child else None):
                    accepted += 1
                else:
                    refused += 1
                await asyncio.sleep(_PAUSE)

        traffic = [asyncio.create_task(submit(is_child=number % 2 == 0)) for number in range(4)]
        while accepted < 20:
            await asyncio.sleep(0.02)
        before, start = accepted, time.monotonic()
        async with asyncio.timeout(_WITHIN):
            await control_plane.api.delete()
        show(
            f"a project under traffic is gone after {time.monotonic() - start:.1f} s: {accepted - before} submits were "
            f"accepted after the request, {refused} refused"
        )
        assert refused, "the traffic went on"
        for task in traffic:
            task.cancel()
        await asyncio.gather(*traffic, return_exceptions=True)
