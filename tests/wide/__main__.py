"""`python -m tests.wide`: a function with a thousand containers at once, and a queue behind them, beside one with a
hundred. Exit status 1 if more or fewer run at once, the queue loses its order, or a result is missing.

Containers are those of the stand-in for AWS that only speak the protocol. They work until all slots are taken, which
takes a while, as RunTask is called 19 times a second; then they end, and the queue follows.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from control_plane.cli.output import print_text
from control_plane.machine.records import read_record
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.processes.connections import open_database
from environment.provisioner_names import ProvisionerName
from tests.aws.control import Control
from tests.aws.process import running_stand_in
from tests.aws.wire import ANSWER_IMAGE
from tests.cli.stacks import Ports, dev
from tests.e2e.project import Json, Project

_FOR_EVER, _AT_ONCE = 7_200.0, 0.0
_LOOK_SECONDS = 1.0
_SHOWN = 5  # violations of one kind
# How many have a container, and how many a slot.
_HELD = text(
    "SELECT count(*) FILTER (WHERE worker_status = 'RUNNING'), count(*) FROM executions "
    "JOIN invocations USING (invocation_id) WHERE batch_id = :batch_id AND worker_status <> 'TERMINATED'"
)
# A column of ours, which whoever gives a slot fills without knowing of it.
_NOTE_TRANSACTIONS = text("ALTER TABLE executions ADD COLUMN granted_by xid8 DEFAULT pg_current_xact_id()")
# Slots of a function are given under its lock: one transaction after the other. Those that one gives have no order
# among themselves.
_GRANTED = text(
    "SELECT array_agg(batch_index ORDER BY batch_index) FROM executions JOIN invocations USING (invocation_id) "
    "WHERE batch_id = :batch_id GROUP BY granted_by ORDER BY min(executions.creation_time)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Of one run: how many containers at once, and how many inputs."""

    at_once: int
    inputs: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="wide", description="Runs very many containers of a function at once.")
    parser.add_argument("--widths", type=int, nargs="+", default=[100, 1_000])
    widths = [Width(at_once=at_once, inputs=at_once + at_once // 5) for at_once in parser.parse_args().widths]
    with tempfile.TemporaryDirectory(prefix="cp-wide-") as folder:
        problems = asyncio.run(_run(Path(folder) / "data", widths))
    for problem in problems:
        print_text(f"VIOLATION: {problem}")
    print_text(f"{len(problems)} violations")
    return 1 if problems else 0


async def _run(folder: Path, widths: Sequence[Width]) -> list[str]:
    problems = []
    async with (
        running_stand_in() as aws,
        dev(folder, Ports.free(), provisioner=ProvisionerName.ECS, **aws.environment) as stack,
    ):
        access = await stack.ready()
        database = open_database(await EmbeddedPostgres(DataFolder(folder).postgres).start())  # finds the one that runs
        try:
            async with database.transaction() as connection:
                await connection.execute(_NOTE_TRANSACTIONS)
            for width in widths:
                project = Project(access, f"wide-{width.at_once}", image=str)
                problems += await _fill(project, aws.control, database, DataFolder(folder), width)
                await project.http.aclose()
        finally:
            await database.close()
    return problems


async def _fill(project: Project, aws: Control, database: Database, folder: DataFolder, width: Width) -> list[str]:
    await aws.set(answer_seconds=_FOR_EVER)
    await project.deploy("answer", folder=Path(ANSWER_IMAGE), max_concurrency=width.at_once, timeout_seconds=2 * 3_600)
    batches = f"/projects/{project.name}/versions/latest/functions/answer/batches"
    before, began = _cpu_seconds(folder), time.monotonic()
    created = await project.http.post(batches, json={"inputs": ["{}"] * width.inputs})
    assert created.status_code == 200, created.text
    batch_id = created.json()["batch_id"]
    most_containers, most_slots, left, filled = 0, 0, width.inputs, 0.0
    while left:
        await asyncio.sleep(_LOOK_SECONDS)
        async with database.transaction() as connection:
            containers, slots = (await connection.execute(_HELD, {"batch_id": batch_id})).one()
        most_containers, most_slots = max(most_containers, containers), max(most_slots, slots)
        if not filled and containers == width.at_once:
            filled = time.monotonic() - began
            await aws.set(answer_seconds=_AT_ONCE)
        left = await _left(project, f"{batches}/{batch_id}")
    elapsed = time.monotonic() - began
    used = {name: seconds - before.get(name, 0.0) for name, seconds in _cpu_seconds(folder).items()}
    each = ", ".join(f"{name} {1_000 * seconds / width.inputs:.0f} ms" for name, seconds in used.items())
    print_text(
        f"max_concurrency {width.at_once:,}: {most_containers:,} containers at once after {filled:.0f} s, "
        f"{width.at_once / filled:.1f} a second; all {width.inputs:,} ended {elapsed - filled:.0f} s later. "
        f"CPU of each: {each}"
    )
    problems = []
    if (most_containers, most_slots) != (width.at_once, width.at_once):
        problems.append(f"{most_containers} containers and {most_slots} slots at once, not {width.at_once}")
    async with database.transaction() as connection:
        granted = list((await connection.execute(_GRANTED, {"batch_id": batch_id})).scalars())
    print_text(f"slots were given by {len(granted):,} transactions, at most {max(map(len, granted)):,} by one")
    problems += _overtaken(granted)
    results = [result async for result in _results(project, f"{batches}/{batch_id}")]
    outcomes = Counter((result["outcome"], result["attempts"]) for result in results)
    if outcomes != {("SUCCEEDED", 1): width.inputs}:
        problems.append(f"outcomes and attempts: {outcomes}")
    return problems


def _overtaken(granted: Sequence[Sequence[int]]) -> list[str]:
    """Where an invocation had its slot before an older one. `granted`: inputs, which are in the order of the queue, by
    the transaction that gave them their slots."""
    order = [index for indexes in granted for index in indexes]
    return [f"slot {place} was given to input {index}" for place, index in enumerate(order) if index != place][:_SHOWN]


async def _left(project: Project, batch: str) -> int:
    answer = await project.http.get(batch)
    assert answer.status_code == 200, answer.text
    counts = answer.json()["counts"]
    return int(counts["queued"] + counts["running"])


async def _results(project: Project, batch: str) -> AsyncIterator[Json]:
    async with project.http.stream("GET", f"{batch}/results") as answer:
        async for line in answer.aiter_lines():
            if line:
                yield json.loads(line)


def _cpu_seconds(folder: DataFolder) -> Mapping[str, float]:
    """Of each server, with its children."""
    pids = {name: record.pid for name in ("api", "loop", "temporal") if (record := read_record(folder.record(name)))}
    pids["postgres"] = int((folder.postgres / "postmaster.pid").read_text().split()[0])
    return {name: sum(map(_own, _family(pid))) for name, pid in pids.items()}


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _own(process: psutil.Process) -> float:
    """With those of children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


if __name__ == "__main__":
    sys.exit(main())
