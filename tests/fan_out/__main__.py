"""`python -m tests.fan_out`: thousands of calls by one map, with `api` and `loop` killed in between. Exit status 1 if a
result is missing, comes twice or out of its order.

Containers are those of the stand-in for AWS that only speak the protocol: they, too, go through all of the product.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import psutil
from control_plane.access.local_stacks import StackAccess
from control_plane.cli.output import print_text
from control_plane.machine.records import read_record

from control_plane_server.cli.stack.folder import DataFolder
from environment.provisioner_names import ProvisionerName
from tests.aws.process import running_stand_in
from tests.aws.wire import ANSWER_IMAGE
from tests.cli.stacks import Ports, clean_environment, dev
from tests.e2e.project import Json, Project

_PROJECT, _FUNCTION = "fan-out", "answer"
_MEBIBYTE = 1024 * 1024
_LOOK_SECONDS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="fan_out", description="Maps a function over very many inputs.")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=4, help="how often api or loop is killed, by turns")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cp-fan-out-") as folder:
        problems = asyncio.run(_map(Path(folder) / "data", inputs=arguments.inputs, kills=arguments.kills))
    for problem in problems:
        print_text(f"VIOLATION: {problem}")
    print_text(f"{len(problems)} violations")
    return 1 if problems else 0


async def _map(folder: Path, *, inputs: int, kills: int) -> list[str]:
    async with (
        running_stand_in() as aws,
        dev(folder, Ports.free(), provisioner=ProvisionerName.ECS, **aws.environment) as stack,
    ):
        access = await stack.ready()
        project = Project(access, _PROJECT, image=str)
        await project.deploy(_FUNCTION, folder=Path(ANSWER_IMAGE), max_concurrency=100, timeout_seconds=7_200)
        parent = await _start_parent(access, inputs)
        assert parent.stdout is not None
        accepted = json.loads(await parent.stdout.readline())
        print_text(
            f"{inputs} calls were accepted after {accepted['seconds']:.2f} s and {accepted['requests']} requests"
        )
        batch = await _only_batch(project)
        peak_mib = await _disturb(DataFolder(folder), project, batch, inputs=inputs, kills=kills)
        ended = json.loads(await parent.stdout.readline())
        await parent.wait()
        print_text(
            f"all results after {ended['seconds']:.0f} s, {inputs / ended['seconds']:.0f} a second; "
            f"{ended['requests']} requests; "
            f"the parent: {ended['threads']} threads, {ended['mib_more']:.0f} MiB more; api: at most {peak_mib:.0f} MiB"
        )
        problems = list(_problems_of(ended["values"], inputs))
        problems += _problems_of_order([result async for result in _results(project, batch)], inputs)
        await project.http.aclose()
        return problems


async def _start_parent(access: StackAccess, inputs: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fan_out.parent", _PROJECT, _FUNCTION, str(inputs)),
        env=clean_environment(CONTROL_PLANE_API_URL=access.api_url, CONTROL_PLANE_API_KEY=access.api_key),
        stdout=asyncio.subprocess.PIPE,
    )


async def _only_batch(project: Project) -> str:
    """Its path."""
    batches = f"/projects/{_PROJECT}/versions/latest/functions/{_FUNCTION}/batches"
    listed = (await project.http.get(batches)).json()["batches"]
    assert len(listed) == 1
    return f"{batches}/{listed[0]['batch_id']}"


async def _disturb(folder: DataFolder, project: Project, batch: str, *, inputs: int, kills: int) -> float:
    """Until the last one has ended: kill api or loop each time that a share of them has. Returns the most memory that
    an api has had, in MiB."""
    peak, killed = 0.0, 0
    while True:
        api = read_record(folder.record("api"))
        if api is not None and psutil.pid_exists(api.pid):
            peak = max(peak, psutil.Process(api.pid).memory_info().rss / _MEBIBYTE)
        counts = await _counts(project, batch)
        ended = 0 if counts is None else inputs - counts["queued"] - counts["running"]
        if ended == inputs:
            return peak
        if killed < kills and ended > (killed + 1) * inputs / (kills + 1):
            name = ("api", "loop")[killed % 2]
            record = read_record(folder.record(name))
            if record is not None:
                os.kill(record.pid, signal.SIGKILL)
                killed += 1
                print_text(f"{ended} have ended; {name} is killed")
        await asyncio.sleep(_LOOK_SECONDS)


async def _counts(project: Project, batch: str) -> dict[str, int] | None:
    """None while nobody answers."""
    try:
        answer = await project.http.get(batch)
    except httpx2.TransportError:
        return None
    counts: dict[str, int] | None = answer.json()["counts"] if answer.status_code == 200 else None
    return counts


async def _results(project: Project, batch: str) -> AsyncIterator[Json]:
    async with project.http.stream("GET", f"{batch}/results") as answer:
        async for line in answer.aiter_lines():
            if line:
                yield json.loads(line)


def _problems_of(values: dict[str, int], inputs: int) -> Iterator[str]:
    if values != {"answer": inputs}:
        yield f"the parent got {values}"


def _problems_of_order(results: list[Json], inputs: int) -> Iterator[str]:
    if [result["position"] for result in results] != list(range(1, inputs + 1)):
        yield "positions are not one after the other"
    if sorted(result["index"] for result in results) != list(range(inputs)):
        yield "an input has no result, or two"
    outcomes = Counter((result["outcome"], result["attempts"]) for result in results)
    if outcomes != {("SUCCEEDED", 1): inputs}:
        yield f"outcomes and attempts: {outcomes}"


if __name__ == "__main__":
    sys.exit(main())
