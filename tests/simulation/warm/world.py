"""A project whose functions keep their containers, and a loop that is less patient than a real one."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from temporalio.client import Client

from activities.reconciliation import warm_containers
from activities.warm import launcher
from activities.warm.lease_watch import LeaseWatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers import upkeep
from control_plane_server.domain.identifiers import FunctionName
from tests.simulation.client import Json
from tests.simulation.control_plane import ControlPlane, open_control_plane
from tests.simulation.simulation import Simulation
from tests.simulation.warm.laws import Laws
from tests.simulation.warm.steps import WarmSteps, new_warm_steps
from tests.simulation.world import random_functions
from workflows import policies

IDLE_SECONDS = 4
_FUNCTIONS = 4
# As of platforms: what is stopped goes on for a while, and may have let go of its execution by then.
_STOP_DELAY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmWorld:
    control_plane: ControlPlane
    simulation: Simulation
    steps: WarmSteps
    laws: Laws
    functions: list[Json]


def make_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of seconds in place of those of minutes."""
    monkeypatch.setattr(launcher, "DELIVERED_WITHIN", timedelta(seconds=2))
    defaults = LeaseWatch.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "release_patience", timedelta(seconds=2))
    monkeypatch.setattr(warm_containers, "SILENT_AFTER", timedelta(seconds=3))
    monkeypatch.setattr(warm_containers, "LONGEST_START", timedelta(seconds=5))
    monkeypatch.setattr(upkeep, "FAILED_WITHIN", timedelta(seconds=1))
    monkeypatch.setattr(policies, "CONTAINER_PATIENCE", timedelta(seconds=3))


@asynccontextmanager
async def open_warm_world(*, seed: int, database: Database, temporal: Client) -> AsyncIterator[WarmWorld]:
    rng = random.Random(seed)
    functions = [_kept(function, rng, number) for number, function in enumerate(random_functions(rng)[:_FUNCTIONS])]
    async with open_control_plane(f"warm-{seed}", functions, database=database, temporal=temporal) as control_plane:
        control_plane.fleet.stop_delay = _STOP_DELAY
        laws = Laws(database, control_plane.fleet)
        steps = new_warm_steps(
            rng,
            laws=laws,
            definitions=functions,
            api=control_plane.api,
            temporal=temporal,
            fleet=control_plane.fleet,
            loops=control_plane.loops,
            functions=[FunctionName(str(function["function_name"])) for function in functions],
        )
        simulation = Simulation(
            rng=rng, steps=steps, fleet=control_plane.fleet, loops=control_plane.loops, database=database
        )
        yield WarmWorld(control_plane=control_plane, simulation=simulation, steps=steps, laws=laws, functions=functions)


def _kept(function: Json, rng: random.Random, number: int) -> Json:
    """Slots are of each version, so that a snapshot can count them by functions."""
    spec = function["resource_spec"]
    assert isinstance(spec, dict)
    return function | {
        "resource_spec": spec
        | {"concurrency": "version", "max_concurrency": max(spec["max_concurrency"], min_idle_of(number))},
        "reuse": {
            "idle_seconds": IDLE_SECONDS,
            "min_idle": min_idle_of(number),
            "max_executions": rng.choice([None, None, 3]),
            "isolation": "process" if number == 1 else "fork",
        },
    }


def min_idle_of(number: int) -> int:
    return 2 if number == 2 else 0
