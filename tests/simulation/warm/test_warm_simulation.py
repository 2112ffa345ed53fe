"""A seeded random life of a project that keeps its containers: every law after every step, and nothing left over."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from tests.figures import Show
from tests.simulation import aftermath
from tests.simulation.warm.world import WarmWorld, make_impatient, min_idle_of, open_warm_world

_LISTED_WITHIN = timedelta(seconds=30)
_IDLE_WITHIN = timedelta(seconds=60)


@pytest.fixture
async def world(
    seed: int, database: Database, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WarmWorld]:
    make_impatient(monkeypatch)
    async with open_warm_world(seed=seed, database=database, temporal=temporal) as it:
        yield it


# A loop that shuts down may ask the SDK to cancel an activity that has just ended; as an error it kills its poller.
@pytest.mark.filterwarnings("ignore:Cannot find activity to cancel")
@pytest.mark.timeout(400)
async def test_every_law_of_warm_containers_holds_after_every_step(
    world: WarmWorld, seed: int, step_count: int, show: Show
) -> None:
    simulation, fleet = world.simulation, world.control_plane.fleet
    await simulation.run(step_count)
    for container in fleet.alive:  # what runs, or is to say how it ended, or has never asked, may take a whole timeout
        holds_one = container.told is not None and container.told.has_started
        container.is_paused = container.is_paused and not holds_one and world.laws.has_run(container)
    await simulation.finish_all()
    snapshot = simulation.snapshot
    await _until_at_rest(world)
    deletion = asyncio.create_task(world.control_plane.api.delete())
    async with asyncio.timeout(_IDLE_WITHIN.total_seconds()):
        while not deletion.done() or fleet.alive:
            await world.steps.end()
            await world.steps.ask()
            await asyncio.sleep(0.01)
    await deletion
    assert fleet.violations == []
    async with asyncio.timeout(_LISTED_WITHIN.total_seconds()):
        workflows = await aftermath.closed_workflows(
            world.control_plane.temporal, world.control_plane.project_name, count=len(snapshot.invocations)
        )
    results = Counter(aftermath.result_of(workflow).value for workflow in workflows.values())
    show(f"warm, seed {seed}: {simulation.done.total()} steps: {dict(simulation.done.most_common())}")
    begun = f"{len(world.laws.begun)} begun, {world.laws.warm_starts} of them in a container that had run another"
    show(f"warm, seed {seed}: {results.total()} invocations: {dict(results.most_common())}")
    show(f"warm, seed {seed}: {begun}, of {len(fleet.containers)}")
    assert "\n".join(world.laws.spent_in_vain(snapshot)) == ""
    assert "\n".join(aftermath.contradictions(snapshot, workflows)) == ""
    assert world.laws.warm_starts


async def _until_at_rest(world: WarmWorld) -> None:
    """None idles beyond its time and the patience, but those that are kept ready: of the latest version, as many as it
    says."""
    wanted = {f"f{number}": min_idle_of(number) for number in range(len(world.functions)) if min_idle_of(number)}
    fleet = world.control_plane.fleet
    deadline = time.monotonic() + _IDLE_WITHIN.total_seconds()
    while True:
        there = Counter(one.request.function.function_name for one in fleet.alive if not one.is_stopping)
        versions = {one.request.function.version_id for one in fleet.alive}
        if there == wanted and len(versions) == 1 and not any(one.is_paused for one in fleet.alive):
            break
        assert time.monotonic() < deadline, f"{there} are there, not {wanted}: {fleet.alive}"
        await world.steps.reconcile()
        for _ in range(20):
            await world.steps.end()
            await world.steps.ask()
            await asyncio.sleep(0.01)
    assert fleet.violations == []
