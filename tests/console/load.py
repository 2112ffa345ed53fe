"""`python -m tests.console.load`: pages of invocations that are open while these run: what they cost, and that each of
them comes back by itself and misses nothing when `api` is killed. Exit status 1 if one does.
"""

import argparse
import asyncio
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import control_plane as cp
import psutil
from control_plane.cli.output import print_text
from control_plane.machine.records import read_record
from sqlalchemy import text

from benchmarks.console_sessions import logged_in
from benchmarks.cpu import core_share
from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.cli.stacks import Ports, dev
from tests.console.live_pages import LivePage
from tests.e2e.project import Project

_PROJECT = "load"
_MAIN = """\
import time

import control_plane as cp


@cp.function(max_concurrency=100, timeout=600, cpus=0.25, memory_gb=0.5)
def tick(seconds: int):
    for number in range(1, seconds + 1):
        print("tick", number)
        yield {"ticked": number}
        time.sleep(1)
    return {"ticks": seconds}
"""
_WINDOW_SECONDS = 15
_TICK = re.compile(r"tick (\d+)")
_TRANSACTIONS = text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")


def main() -> int:
    parser = argparse.ArgumentParser(prog="console_load", description="Opens many pages of invocations that run.")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--invocations", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=75, help="that each invocation runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cp-console-load-") as folder:
        problems = asyncio.run(_measure(Path(folder), **vars(arguments)))
    for problem in problems:
        print_text(f"VIOLATION: {problem}")
    print_text(f"{len(problems)} violations")
    return 1 if problems else 0


async def _measure(folder: Path, *, pages: int, invocations: int, seconds: int) -> list[str]:
    code = folder / _PROJECT
    code.mkdir()
    (code / "main.py").write_text(_MAIN)
    data = folder / "data"
    async with dev(data, Ports.free()) as stack:
        access = await stack.ready()
        async with cp.AsyncClient(access.api_url, access.api_key) as client:
            await client.deploy(_PROJECT, code)
        database = Database((await EmbeddedPostgres(data / "postgres").start()).url)  # finds the one that runs
        project = Project(access, _PROJECT)
        ids = [await project.invoke("tick", seconds=seconds) for _ in range(invocations)]
        for invocation_id in ids:
            await project.container("tick", invocation_id)
        print_text(f"{invocations} invocations run, each prints a line and reports progress once a second")
        await _window(data, database, "no page is open")
        opened = [LivePage(ids[number % invocations]) for number in range(pages)]
        async with logged_in(access.api_url, access.api_key) as session, asyncio.TaskGroup() as following:
            for page in opened:
                following.create_task(page.follow(session))
            await _until_all_are_connected(opened)
            before = sum(page.events for page in opened)
            await _window(data, database, f"{pages} pages are open")
            events = (sum(page.events for page in opened) - before) / _WINDOW_SECONDS
            print_text(f"{events:.0f} parts of pages a second are sent to them")
            os.kill(_api(data).pid, signal.SIGKILL)
            print_text("api is killed")
        await project.http.aclose()
        await database.close()
    absences = [absence for page in opened for absence in page.absences]
    if absences:
        print_text(
            f"pages were without a connection for {statistics.median(absences):.1f} s, at most {max(absences):.1f} s"
        )
    return list(_problems(opened, seconds))


async def _until_all_are_connected(pages: Sequence[LivePage]) -> None:
    async with asyncio.timeout(60):
        while any(page.events == 0 for page in pages):
            await asyncio.sleep(0.1)


async def _window(data: Path, database: Database, what: str) -> None:
    api = _api(data)
    before, start = await _transactions(database), time.monotonic()
    share = await core_share([api], seconds=_WINDOW_SECONDS)
    done = (await _transactions(database) - before) / (time.monotonic() - start)
    mebibytes = api.memory_info().rss / 2**20
    print_text(
        f"{what}: api uses {share:.2f} of a core and {mebibytes:.0f} MiB; {done:.0f} transactions a second in all"
    )


async def _transactions(database: Database) -> int:
    """Of which a statement by itself is one."""
    async with database.statement() as connection:
        return int((await connection.execute(_TRANSACTIONS)).scalar_one())


def _api(data: Path) -> psutil.Process:
    record = read_record(DataFolder(data).record("api"))
    if record is None:
        raise RuntimeError("api is not there")
    return psutil.Process(record.pid)


def _problems(pages: Sequence[LivePage], seconds: int) -> Iterator[str]:
    for number, page in enumerate(pages):
        ticks = [int(tick) for tick in _TICK.findall("\n".join(page.log))]
        if ticks != list(range(1, seconds + 1)):
            yield f"page {number} has the lines {ticks}"
        if "ticks" not in page.parts.get("outcome", ""):
            yield f"page {number} does not show the result: {page.parts.get('outcome')}"
        if "succeeded" not in page.parts.get("word", "").lower():
            yield f"page {number} does not say that it has succeeded: {page.parts.get('word')}"
        if len(page.absences) != 1:
            yield f"page {number} was away {len(page.absences)} times"


if __name__ == "__main__":
    sys.exit(main())
