"""`python -m benchmarks.queue`: what concurrency keys and priorities cost where ten thousand wait, and whether they
hold."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from control_plane.cli.output import note
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from benchmarks.containers import ZERO
from benchmarks.figures import Row, Target, print_table
from benchmarks.project import Project
from benchmarks.stack import Stack, running_stack

KEYS = 200  # with a limit of one each
_SUBMITTERS = 8
_PRIORITIES = 10

# Of executions that have ended: how many of one key held a slot at once at most.
_MOST_OF_A_KEY = text("""
    SELECT coalesce(max(at_once), 0) FROM (
        SELECT sum(change) OVER (PARTITION BY concurrency_key ORDER BY time, change) AS at_once
        FROM executions, LATERAL (VALUES (creation_time, 1), (last_update_time, -1)) AS changes (time, change)
        WHERE concurrency_key IS NOT NULL
    ) AS counted
    """)
# How evenly the keys had their turns when half of all was done: Jain's index, 1 where all had as many.
_FAIRNESS = text("""
    WITH first_half AS (
        SELECT concurrency_key FROM executions WHERE concurrency_key IS NOT NULL
        ORDER BY last_update_time LIMIT (SELECT count(*) / 2 FROM executions WHERE concurrency_key IS NOT NULL)
    ), turns AS (SELECT count(*) AS turns FROM first_half GROUP BY concurrency_key)
    SELECT sum(turns) ^ 2 / (:keys * sum(turns * turns)) FROM turns
    """)
# How many began before one of a higher priority that waited as long.
_OUT_OF_ORDER = text("""
    SELECT count(*) FROM (
        SELECT priority, max(priority) OVER (
            ORDER BY executions.creation_time ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS best_behind
        FROM executions JOIN invocations USING (invocation_id) WHERE tags = '{"of": "priorities"}'
    ) AS begun WHERE priority < best_behind
    """)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.queue", description=__doc__)
    parser.add_argument("--waiting", type=int, default=10_000, help="how many wait, of all keys together")
    waiting: int = parser.parse_args().waiting
    with tempfile.TemporaryDirectory(prefix="cp-bench-") as folder:
        print_table(asyncio.run(_queue(Path(folder), waiting)))


async def _queue(folder: Path, waiting: int) -> list[Row]:
    async with running_stack(folder) as stack:
        project = await Project.deployed(stack, ZERO, max_concurrency=KEYS)
        await _drained(stack, project, waiting=KEYS, has_keys=False)  # the first ones find nothing in memory
        note(f"{waiting} without keys …")
        without = await _drained(stack, project, waiting=waiting, has_keys=False)
        note(f"{waiting} of {KEYS} keys …")
        with_keys = await _drained(stack, project, waiting=waiting, has_keys=True)
        async with _catalog(stack) as connection:
            most = await connection.scalar(_MOST_OF_A_KEY)
            fairness = await connection.scalar(_FAIRNESS, {"keys": KEYS})
        note("priorities …")
        out_of_order = await _out_of_order(stack)
    return [
        Row(
            what=f"{waiting} queued, of {KEYS} keys",
            unit="/s",
            figures=[with_keys],
            against_what="without keys",
            against=[without],
            target=Target(comparison="at least", bound=0.75),
        ),
        Row(
            what="of one key at once",
            unit="at most",
            figures=[float(most)],
            target=Target(comparison="at most", bound=1),
        ),
        Row(what="fairness among keys at half of it (Jain)", unit="", figures=[float(fairness)]),
        Row(
            what="begun before one of a higher priority",
            unit="invocations",
            figures=[float(out_of_order)],
            target=Target(comparison="at most", bound=0),
        ),
    ]


async def _drained(stack: Stack, project: Project, *, waiting: int, has_keys: bool) -> float:
    """Of these in the queue, how many came to their end in a second: from their resumption to the last one."""
    await stack.http.put("/projects/bench/pause")
    keys = iter(range(KEYS))

    async def submit() -> None:
        for key in keys:
            options = {"concurrency_key": f"key-{key}"} if has_keys else {}
            await stack.http.post(project.batches(ZERO), {"inputs": ["1"] * (waiting // KEYS), **options})

    await asyncio.gather(*(submit() for _ in range(_SUBMITTERS)))
    start = time.monotonic()
    await stack.http.put("/projects/bench/resume")
    await project.until_none_runs(ZERO)
    return waiting / (time.monotonic() - start)


async def _out_of_order(stack: Stack) -> int:
    """With one slot, of 20 invocations of each priority, submitted from the lowest to the highest."""
    project = await Project.deployed(stack, ZERO, max_concurrency=1)
    await stack.http.put("/projects/bench/pause")
    for priority in range(_PRIORITIES):
        options = {"priority": priority, "tags": {"of": "priorities"}}
        await stack.http.post(project.batches(ZERO), {"inputs": ["1"] * 20, **options})
    await stack.http.put("/projects/bench/resume")
    await project.until_none_runs(ZERO)
    async with _catalog(stack) as connection:
        found: int = (await connection.execute(_OUT_OF_ORDER)).scalar_one()
    return found


@asynccontextmanager
async def _catalog(stack: Stack) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(stack.catalog, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


if __name__ == "__main__":
    main()
