"""How long an invocation takes before its container and after it, on an idle system."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import bare
from benchmarks.containers import ZERO
from benchmarks.figures import Row, Target, percentile_95
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack
from benchmarks.trials import until_at_rest
from control_plane_server.domain.identifiers import InvocationId, execution_id_for

_TARGET = Target(comparison="under", bound=3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """In milliseconds. `before`: from the submit to the provisioner's call; `after`: from the container's end until who
    follows the invocation sees it TERMINATED; `bare`: from a workflow's start to its activity."""

    before: Sequence[float]
    after: Sequence[float]
    bare: Sequence[float]


async def overhead(stack: Stack, sizes: Sizes) -> list[Row]:
    project = await Project.deployed(stack, ZERO)
    await _round(stack, project, trials=3)
    rounds = [await _round(stack, project, trials=sizes.trials) for _ in range(ROUNDS)]
    return [
        Row(
            what=f"{what}, {statistic}",
            unit="ms",
            figures=[take(getattr(one, side)) for one in rounds],
            against_what=f"bare start to activity, {statistic}",
            against=[take(one.bare) for one in rounds],
            target=_TARGET,
        )
        for what, side in (("submit to provision call", "before"), ("container's end to TERMINATED", "after"))
        for statistic, take in (("median", statistics.median), ("95th percentile", percentile_95))
    ]


async def _round(stack: Stack, project: Project, *, trials: int) -> _Round:
    before, after, theirs = [], [], []
    for _ in range(trials):
        await until_at_rest()
        start = time.time()
        theirs.append(1_000 * (await bare.run(stack.temporal) - start))
        await until_at_rest()
        start = time.time()
        path = await project.submit(ZERO)
        execution_id = execution_id_for(InvocationId(path.rpartition("/")[2]), 1)
        life, _ = await asyncio.gather(stack.host.life(execution_id), project.follow(path))
        after.append(1_000 * (time.time() - life.ended))
        before.append(1_000 * (life.launched - start))
    return _Round(before=before, after=after, bare=theirs)
