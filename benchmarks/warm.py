"""Containers that are reused: how soon the user's code runs, and how many invocations of a batch come to their end."""

import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from control_plane.cli.output import note
from temporalio.client import Client

from benchmarks import bare
from benchmarks.batches import run_batch
from benchmarks.containers import WARM
from benchmarks.cpu import milliseconds_of
from benchmarks.figures import Row, Target, percentile_95
from benchmarks.http import Json
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack
from benchmarks.throughput import call_all_bare
from benchmarks.trials import until_at_rest
from control_plane_server.domain.identifiers import InvocationId, execution_id_for

COLD = "cold"  # as `warm` of `benchmarks/functions`, with a container for each execution
REUSE: dict[str, Json] = {WARM: {"idle_seconds": 3_600}}
_COROUTINES = 50
PROCESSES = 20
MEDIAN = Target(comparison="at most", bound=2.0)
SLOWEST = Target(comparison="at most", bound=2.5)

FirstLine = Callable[[str, Json], Awaitable[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """In milliseconds. `ours`: from the submit to the first line of the user's code; `bare`: from a workflow's start to
    its activity."""

    ours: Sequence[float]
    bare: Sequence[float]


async def warm(stack: Stack, sizes: Sizes) -> list[Row]:
    """Containers are coroutines that speak the protocol."""

    async def began(path: str, _: Json) -> float:
        return await stack.host.begun(execution_id_for(InvocationId(path.rpartition("/")[2]), 1))

    project = await Project.deployed(stack, WARM, max_concurrency=_COROUTINES, reuse=REUSE)
    rounds = await rounds_of(stack.temporal, project, WARM, began, trials=sizes.trials)
    launches = stack.host.launches
    containers = f"{_COROUTINES} warm containers"
    batch = await _batches(
        stack, project, size=sizes.batch, rounds=sizes.batch_rounds, containers=containers, least=0.75
    )
    launched = Row(what="containers launched for these batches", unit="", figures=[stack.host.launches - launches])
    return [*rows_of("warm", rounds, MEDIAN, SLOWEST), *batch, launched]


async def warm_processes(stack: Stack, sizes: Sizes) -> list[Row]:
    """Containers are real processes."""
    project = await Project.deployed(stack, COLD, WARM, max_concurrency=PROCESSES, reuse=REUSE)
    cold = await rounds_of(stack.temporal, project, COLD, said_by_itself, trials=max(3, sizes.trials // 3))
    rounds = await rounds_of(stack.temporal, project, WARM, said_by_itself, trials=sizes.trials)
    containers = f"{PROCESSES} warm processes"
    return [
        *rows_of("a new process", cold, None, None),
        *rows_of("a warm process", rounds, MEDIAN, SLOWEST),
        *await _batches(
            stack, project, size=sizes.batch_of_processes, rounds=ROUNDS, containers=containers, least=None
        ),
    ]


async def said_by_itself(_: str, execution: Json) -> float:
    """By the function itself."""
    return float(execution["output"])


async def rounds_of(
    temporal: Client, project: Project, function: str, began: FirstLine, *, trials: int, unmeasured: int = 3
) -> list[Round]:
    """`unmeasured`: trials before them, of which the first may start what the others find."""
    await _round(temporal, project, function, began, trials=unmeasured, is_first=True)
    return [await _round(temporal, project, function, began, trials=trials) for _ in range(ROUNDS)]


async def _round(
    temporal: Client, project: Project, function: str, began: FirstLine, *, trials: int, is_first: bool = False
) -> Round:
    ours, theirs = [], []
    for _ in range(trials):
        await until_at_rest()
        start = time.time()
        theirs.append(1_000 * (await bare.run(temporal) - start))
        await until_at_rest()
        start = time.time()
        path = await project.submit(function)
        execution = await project.outcome(path)
        ours.append(1_000 * (await began(path, execution) - start))
        if function == WARM and not execution["is_warm_start"] and not is_first:
            raise RuntimeError(f"{path} had a container of its own: {execution}")
    return Round(ours=ours, bare=theirs)


async def _batches(
    stack: Stack, project: Project, *, size: int, rounds: int, containers: str, least: float | None
) -> list[Row]:
    """With the processor time of each process for an invocation, and for a bare workflow.

    As many bare workflows are run, half of them before the batch and half after it: a machine may get faster or slower
    in such a time, and a part of what Temporal does for a workflow comes ten seconds later and more.
    """
    await run_batch(stack, project, WARM, size=2 * _COROUTINES)
    bare_size = size // 2
    rates, against = [], []
    used: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        usage = [milliseconds_of(stack.processes)]
        before = await call_all_bare(stack, bare_size)
        usage.append(milliseconds_of(stack.processes))
        start = time.monotonic()
        await run_batch(stack, project, WARM, size=size)
        rates.append(size / (time.monotonic() - start))
        usage.append(milliseconds_of(stack.processes))
        after = await call_all_bare(stack, bare_size)
        usage.append(milliseconds_of(stack.processes))
        note(f"  bare workflows: {before:.1f} a second before, {after:.1f} after")
        against.append(statistics.harmonic_mean([before, after]))
        for name in stack.processes:
            bare_before, ours, bare_after = (later[name] - earlier[name] for earlier, later in pairwise(usage))
            used[f"a bare workflow, {name}"].append((bare_before + bare_after) / (2 * bare_size))
            used[f"an invocation of it, {name}"].append(ours / size)
    rate = Row(
        what=f"a batch of {size} on {containers}, to its last result",
        unit="/s",
        figures=rates,
        against_what="bare workflows",
        against=against,
        target=None if least is None else Target(comparison="at least", bound=least),
    )
    return [rate, *(Row(what=f"processor time of {what}", unit="ms", figures=ms) for what, ms in sorted(used.items()))]


def rows_of(containers: str, rounds: Sequence[Round], median: Target | None, slowest: Target | None) -> list[Row]:
    return [
        Row(
            what=f"submit to first line of code, {containers}, {statistic}",
            unit="ms",
            figures=[take(one.ours) for one in rounds],
            against_what=f"bare start to activity, {statistic}",
            against=[take(one.bare) for one in rounds],
            target=target,
        )
        for statistic, take, target in (
            ("median", statistics.median, median),
            ("95th percentile", percentile_95, slowest),
        )
    ]
