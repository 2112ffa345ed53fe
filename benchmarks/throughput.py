"""How many invocations that do nothing come to their end per second, against bare workflows on the same server."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks import bare
from benchmarks.containers import ZERO
from benchmarks.figures import Row, Target
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack

# Each of them waits for an outcome before it submits the next.
_CLIENTS = 50


async def throughput(stack: Stack, sizes: Sizes, *, where: str, least: float) -> Row:
    project = await Project.deployed(stack, ZERO)

    async def call() -> None:
        await project.outcome(await project.submit(ZERO))

    async def call_all(count: int) -> float:
        start = time.monotonic()
        await _repeat(call, count)
        await project.until_none_runs(ZERO)  # an outcome comes a little before the end
        return count / (time.monotonic() - start)

    await call_all(_CLIENTS)
    await call_all_bare(stack, _CLIENTS)
    figures, against = [], []
    for _ in range(ROUNDS):
        against.append(await call_all_bare(stack, sizes.throughput))
        figures.append(await call_all(sizes.throughput))
    return Row(
        what=f"throughput, Temporal {where}",
        unit="/s",
        figures=figures,
        against_what="bare workflows",
        against=against,
        target=Target(comparison="at least", bound=least),
    )


async def call_all_bare(stack: Stack, count: int) -> float:
    """Bare workflows per second."""
    start = time.monotonic()
    await _repeat(lambda: bare.run(stack.temporal), count)
    return count / (time.monotonic() - start)


async def _repeat(call: Callable[[], Awaitable[object]], count: int) -> None:
    left = iter(range(count))

    async def client() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
