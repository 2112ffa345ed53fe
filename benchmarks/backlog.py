"""How long a fresh invocation takes beside a long queue for another function, against where nothing waits."""

import asyncio
import itertools
import statistics
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.containers import HOLD, ZERO
from benchmarks.figures import Row, Target
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack
from benchmarks.trials import until_at_rest


async def backlog(calm: Stack, busy: Stack, sizes: Sizes) -> list[Row]:
    queue = await Project.deployed(busy, HOLD, ZERO, max_concurrency=1)
    await queue.submit_all(itertools.repeat(HOLD, 1 + sizes.backlog))
    await _until_waiting(busy, sizes.backlog)
    await asyncio.sleep(10)  # Temporal has come to rest as well
    calm_project = await Project.deployed(calm, ZERO)
    figures, against = [], []
    for _ in range(ROUNDS):
        pairs = [(await _milliseconds(calm_project), await _milliseconds(queue)) for _ in range(sizes.trials)]
        against.append(statistics.median(without for without, _ in pairs))
        figures.append(statistics.median(beside for _, beside in pairs))
    return [
        Row(
            what=f"fresh invocation to its outcome, {sizes.backlog} queued elsewhere",
            unit="ms",
            figures=figures,
            against_what="none queued",
            against=against,
            target=Target(comparison="under", bound=1.3),
        )
    ]


async def _milliseconds(project: Project) -> float:
    await until_at_rest()
    start = time.monotonic()
    await project.outcome(await project.submit(ZERO))
    return 1_000 * (time.monotonic() - start)


async def _until_waiting(stack: Stack, count: int) -> None:
    engine = create_async_engine(stack.catalog, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        while await connection.scalar(text("SELECT count(*) FROM waiting_executions")) != count:
            await asyncio.sleep(0.5)
    await engine.dispose()
