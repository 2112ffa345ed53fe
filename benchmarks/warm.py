"""Containers that are reused: how soon the user's code runs, and how many invocations of a batch come to their end."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks import bare
from benchmarks.batches import run_batch
from benchmarks.containers import WARM
from benchmarks.figures import Row, Target, percentile_95
from benchmarks.http import Json
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack
from benchmarks.throughput import call_all_bare
from benchmarks.trials import until_at_rest
from control_plane_server.domain.identifiers import InvocationId, execution_id_for

_COLD = "cold"  # as `warm` of `benchmarks/functions`, with a container for each execution
_REUSE: dict[str, Json] = {WARM: {"idle_seconds": 3_600}}
_COROUTINES = 50
_PROCESSES = 20
_MEDIAN = Target(comparison="at most", bound=2.0)
_SLOWEST = Target(comparison="at most", bound=2.5)

FirstLine = Callable[[str, Json], Awaitable[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """In milliseconds. `ours`: from the submit to the first line of the user's code; `bare`: from a workflow's start to
    its activity."""

    ours: Sequence[float]
    bare: Sequence[float]


async def warm(stack: Stack, sizes: Sizes) -> list[Row]:
    """Containers are coroutines that speak the protocol."""

    async def began(path: str, _: Json) -> float:
        return await stack.host.begun(execution_id_for(InvocationId(path.rpartition("/")[2]), 1))

    project = await Project.deployed(stack, WARM, max_concurrency=_COROUTINES, reuse=_REUSE)
    rounds = await _rounds(stack, project, WARM, began, trials=sizes.trials)
    launches = stack.host.launches
    batch = await _batches(stack, project, size=sizes.batch, containers=f"{_COROUTINES} warm containers", least=0.75)
    launched = Row(what="containers launched for these batches", unit="", figures=[stack.host.launches - launches])
    return [*_rows("warm", rounds, _MEDIAN, _SLOWEST), batch, launched]


async def warm_processes(stack: Stack, sizes: Sizes) -> list[Row]:
    """Containers are real processes."""

    async def began(_: str, execution: Json) -> float:
        return float(execution["output"])

    project = await Project.deployed(stack, _COLD, WARM, max_concurrency=_PROCESSES, reuse=_REUSE)
    cold = await _rounds(stack, project, _COLD, began, trials=max(3, sizes.trials // 3))
    rounds = await _rounds(stack, project, WARM, began, trials=sizes.trials)
    containers = f"{_PROCESSES} warm processes"
    return [
        *_rows("a new process", cold, None, None),
        *_rows("a warm process", rounds, _MEDIAN, _SLOWEST),
        await _batches(stack, project, size=sizes.batch_of_processes, containers=containers, least=None),
    ]


async def _rounds(stack: Stack, project: Project, function: str, began: FirstLine, *, trials: int) -> list[_Round]:
    await _round(stack, project, function, began, trials=3, is_first=True)
    return [await _round(stack, project, function, began, trials=trials) for _ in range(ROUNDS)]


async def _round(
    stack: Stack, project: Project, function: str, began: FirstLine, *, trials: int, is_first: bool = False
) -> _Round:
    ours, theirs = [], []
    for _ in range(trials):
        await until_at_rest()
        start = time.time()
        theirs.append(1_000 * (await bare.run(stack.temporal) - start))
        await until_at_rest()
        start = time.time()
        path = await project.submit(function)
        execution = await project.outcome(path)
        ours.append(1_000 * (await began(path, execution) - start))
        if function == WARM and not execution["is_warm_start"] and not is_first:
            raise RuntimeError(f"{path} had a container of its own: {execution}")
    return _Round(ours=ours, bare=theirs)


async def _batches(stack: Stack, project: Project, *, size: int, containers: str, least: float | None) -> Row:
    await run_batch(stack, project, WARM, size=2 * _COROUTINES)
    rates, against = [], []
    for _ in range(ROUNDS):
        against.append(await call_all_bare(stack, min(size, 2_000)))
        start = time.monotonic()
        await run_batch(stack, project, WARM, size=size)
        rates.append(size / (time.monotonic() - start))
    return Row(
        what=f"a batch of {size} on {containers}, to its last result",
        unit="/s",
        figures=rates,
        against_what="bare workflows",
        against=against,
        target=None if least is None else Target(comparison="at least", bound=least),
    )


def _rows(containers: str, rounds: Sequence[_Round], median: Target | None, slowest: Target | None) -> list[Row]:
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
