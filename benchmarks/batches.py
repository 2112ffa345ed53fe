"""Batches: how soon one is accepted, how many of its invocations come to their end per second against bare workflows,
and what memory an `api` process needs for it."""

import time

from control_plane.cli.output import note

from benchmarks.containers import ZERO
from benchmarks.figures import Row, Target
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack
from benchmarks.throughput import call_all_bare

_INPUT = "x" * 98  # of 100 bytes as JSON
_TOLD_SECONDS = 60.0
_MEBIBYTE = 1024 * 1024


async def batches(stack: Stack, sizes: Sizes) -> list[Row]:
    project = await Project.deployed(stack, ZERO)
    await run_batch(stack, project, ZERO, size=50)
    accepted, rates, against, memory = [], [], [], []
    for _ in range(ROUNDS):
        against.append(await call_all_bare(stack, min(sizes.batch, 10 * sizes.throughput)))
        before = stack.processes["api"].memory_info().rss
        start = time.monotonic()
        accepted.append(await run_batch(stack, project, ZERO, size=sizes.batch))
        rates.append(sizes.batch / (time.monotonic() - start))
        memory.append((stack.processes["api"].memory_info().rss - before) / _MEBIBYTE)
    return [
        Row(
            what=f"a batch of {sizes.batch}, to its answer",
            unit="s",
            figures=accepted,
            target=Target(comparison="under", bound=2.0),
        ),
        Row(
            what=f"a batch of {sizes.batch}, to its last result",
            unit="/s",
            figures=rates,
            against_what="bare workflows",
            against=against,
            target=Target(comparison="at least", bound=0.75),
        ),
        Row(what=f"api, for a batch of {sizes.batch}", unit="MiB more", figures=memory),
    ]


async def run_batch(stack: Stack, project: Project, function: str, *, size: int) -> float:
    """Seconds to the answer, once all results are there. One that is missing, comes twice or out of its turn ends the
    benchmark."""
    lines = f'"{_INPUT}"\n'.encode() * size
    start = time.monotonic()
    batch = await stack.http.post_lines(project.batches(function), lines)
    accepted = time.monotonic() - start
    seen = set()
    position = 0
    told = start
    async for result in stack.http.lines(f"{project.batches(function)}/{batch['batch_id']}/results"):
        position += 1
        if (result["position"], result["outcome"]) != (position, "SUCCEEDED"):
            raise RuntimeError(f"result {position} is {result}")
        seen.add(result["index"])
        if time.monotonic() - told >= _TOLD_SECONDS:
            told = time.monotonic()
            note(f"  {position} of {size} after {told - start:.0f} s")
    if seen != set(range(size)):
        raise RuntimeError(f"{size - len(seen)} results are missing")
    return accepted
