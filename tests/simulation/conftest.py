"""A world for each seed.

SIMULATION_SEEDS=7,8 chooses other seeds, SIMULATION_STEPS=5000 how many steps each of them takes. A seed decides what
is done, not when the servers answer: a second run of it goes its own ways.
"""

import os
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from tests.simulation.world import World, open_world
from tests.temporal import open_temporal

_SEEDS = [int(seed) for seed in os.environ.get("SIMULATION_SEEDS", "1").split(",")]
_STEPS = int(os.environ.get("SIMULATION_STEPS", "500"))


@pytest.fixture(params=_SEEDS, ids=lambda seed: f"seed-{seed}")
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="session")
def step_count() -> int:
    return _STEPS


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    async with open_temporal() as client:
        yield client


@pytest.fixture
async def world(seed: int, database: Database, temporal: Client) -> AsyncIterator[World]:
    async with open_world(seed=seed, database=database, temporal=temporal) as it:
        yield it
