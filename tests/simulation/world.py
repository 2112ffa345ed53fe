"""Everything that a simulation runs in."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.domain.identifiers import FunctionName
from tests.simulation.client import Json
from tests.simulation.containers import Fleet
from tests.simulation.control_plane import open_control_plane
from tests.simulation.simulation import Simulation
from tests.simulation.steps import Steps

_FUNCTIONS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    project_name: str
    simulation: Simulation
    fleet: Fleet
    temporal: Client


@asynccontextmanager
async def open_world(*, seed: int, database: Database, temporal: Client) -> AsyncIterator[World]:
    """A project whose functions are READY, and one loop."""
    rng = random.Random(seed)
    project_name = f"seed-{seed}"
    functions = random_functions(rng)
    async with open_control_plane(project_name, functions, database=database, temporal=temporal) as control_plane:
        steps = Steps(
            rng=rng,
            api=control_plane.api,
            temporal=temporal,
            fleet=control_plane.fleet,
            loops=control_plane.loops,
            functions=[FunctionName(str(function["function_name"])) for function in functions],
        )
        simulation = Simulation(
            rng=rng, steps=steps, fleet=control_plane.fleet, loops=control_plane.loops, database=database
        )
        yield World(project_name=project_name, simulation=simulation, fleet=control_plane.fleet, temporal=temporal)


def random_functions(rng: random.Random) -> list[Json]:
    """Limits of 1 to 3, up to two retries; every third function is soon out of time."""
    return [
        {
            "function_name": f"f{number}",
            "resource_spec": {
                "virtual_cpus": 0.25,
                "memory_gbs": 0.5,
                "max_concurrency": rng.randint(1, 3),
                "concurrency": rng.choice(["version", "function"]),
            },
            "execution_spec": {
                "max_retries": rng.randint(0, 2),
                "timeout_seconds": rng.randint(1, 2) if number % 3 == 0 else 600,
                "retry_max_interval_seconds": 1,
            },
        }
        for number in range(_FUNCTIONS)
    ]
