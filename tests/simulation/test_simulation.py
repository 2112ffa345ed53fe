"""A seeded random life of a project: every invariant is checked after every step, and at the end nothing is left."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from control_plane_server.domain.entities import InvocationOutcome
from tests.figures import Show
from tests.simulation import aftermath
from tests.simulation.world import World

_LISTED_WITHIN = timedelta(seconds=30)


# A loop that shuts down may ask the SDK to cancel an activity that has just ended; as an error it kills its poller.
@pytest.mark.filterwarnings("ignore:Cannot find activity to cancel")
@pytest.mark.timeout(300)
async def test_every_law_holds_after_every_step(world: World, seed: int, step_count: int, show: Show) -> None:
    simulation = world.simulation
    await simulation.run(step_count)
    await simulation.finish_all()
    snapshot = simulation.snapshot
    assert "\n".join(aftermath.leftovers(snapshot, world.fleet)) == ""
    async with asyncio.timeout(_LISTED_WITHIN.total_seconds()):
        workflows = await aftermath.closed_workflows(
            world.temporal, world.project_name, count=len(snapshot.invocations)
        )
    assert "\n".join(aftermath.contradictions(snapshot, workflows)) == ""
    results = Counter(aftermath.result_of(workflow).value for workflow in workflows.values())
    show(f"seed {seed}: {simulation.done.total()} steps: {dict(simulation.done.most_common())}")
    invocations = f"{results.total()} invocations: {dict(results.most_common())}"
    show(f"seed {seed}: {invocations} in {len(world.fleet.containers)} containers")
    assert set(results) == set(InvocationOutcome)  # what never happened was not tried
