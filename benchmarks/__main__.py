"""`python -m benchmarks`: what the control plane costs, as ratios to what its users would otherwise have."""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from control_plane.cli.output import note

from benchmarks.backlog import backlog
from benchmarks.batches import batches
from benchmarks.callers import callers
from benchmarks.containers import ZERO
from benchmarks.ecs import calls_of_running_tasks
from benchmarks.ended import add_ended
from benchmarks.figures import Row, print_table, write_json
from benchmarks.growth import growth
from benchmarks.histories import histories
from benchmarks.idle import idle
from benchmarks.overhead import overhead
from benchmarks.project import Project
from benchmarks.reads import reads
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.stack import running_stack
from benchmarks.throughput import throughput
from benchmarks.warm import warm, warm_processes
from benchmarks.warm_tasks import warm_tasks


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, in less than five minutes")
    parser.add_argument("--only-warm", action="store_true", help="what is measured of containers that are reused")
    parser.add_argument("--json", type=Path, help="a file to write the table to as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cp-bench-") as folder:
        sizes = QUICK if arguments.quick else FULL
        measured = (_warm if arguments.only_warm else _everything)(Path(folder), sizes)
        rows = asyncio.run(_told(measured))
    if arguments.json is not None:
        write_json(rows, arguments.json)
    print_table(rows)


async def _told(measured: AsyncIterator[list[Row]]) -> list[Row]:
    rows: list[Row] = []
    async for some in measured:
        for row in some:
            note(f"  {row}")  # of a run that is broken off, too, something is known
        rows += some
    return rows


async def _everything(folder: Path, sizes: Sizes) -> AsyncIterator[list[Row]]:
    for measured in (
        _on_file(folder / "file", sizes),
        _in_memory(folder / "memory", sizes),
        _warm(folder, sizes),
        _on_two(folder / "calm", folder / "busy", sizes),
        _on_aws(sizes),
    ):
        async for some in measured:
            yield some


async def _on_file(folder: Path, sizes: Sizes) -> AsyncIterator[list[Row]]:
    async with running_stack(folder) as stack:
        note("throughput, against bare workflows …")
        yield [await throughput(stack, sizes, where="on a file", least=0.8)]
        note(f"batches of {sizes.batch} …")
        yield await batches(stack, sizes)
        note("overhead of one invocation …")
        yield [*await overhead(stack, sizes), *await histories(stack)]
        note("callers that poll and wait …")
        yield await callers(stack, sizes)
        if sizes.levels:
            note(f"up to {sizes.levels[-1]} held executions …")
            yield await growth(stack, sizes)


async def _in_memory(folder: Path, sizes: Sizes) -> AsyncIterator[list[Row]]:
    note("throughput, with Temporal in memory …")
    async with running_stack(folder, has_file=False) as stack:
        yield [await throughput(stack, sizes, where="in memory", least=0.75)]


async def _warm(folder: Path, sizes: Sizes) -> AsyncIterator[list[Row]]:
    async with running_stack(folder / "warm") as stack:
        note("containers that are reused …")
        yield await warm(stack, sizes)
    async with running_stack(folder / "processes", are_containers_real=True) as stack:
        note("containers that are processes, reused and not …")
        yield await warm_processes(stack, sizes)
    note("containers that are tasks of the stand-in for AWS, reused and not …")
    yield await warm_tasks(sizes)


async def _on_two(calm_folder: Path, busy_folder: Path, sizes: Sizes) -> AsyncIterator[list[Row]]:
    async with running_stack(calm_folder) as calm, running_stack(busy_folder) as busy:
        for stack in (calm, busy):
            await Project.deployed(stack, ZERO)
        note(f"loading {sizes.many_ended} ended invocations …")
        await add_ended(busy.catalog, function=ZERO, count=sizes.many_ended)
        note("idle, with them and without …")
        yield await idle(calm, busy, sizes)
        await add_ended(calm.catalog, function=ZERO, count=sizes.few_ended)
        note("reads …")
        yield await reads(calm, busy, sizes)
        note(f"queueing {sizes.backlog} invocations …")
        yield await backlog(calm, busy, sizes)


async def _on_aws(sizes: Sizes) -> AsyncIterator[list[Row]]:
    yield await calls_of_running_tasks(tasks=sizes.tasks, minutes=sizes.minutes)


if __name__ == "__main__":
    main()
