"""Two whole stacks side by side, as `control-plane dev` runs them: one to put under load, one to compare it with. And a
Temporal for control planes whose containers are simulated."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from control_plane.machine.records import read_record
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.cli.stacks import Dev, Ports, dev
from tests.e2e.project import Project
from tests.temporal import open_temporal

FUNCTIONS = Path(__file__).parent / "functions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """`loop`: its process. `catalog`: for what the API does not tell."""

    project: Project
    loop: psutil.Process
    catalog: Database


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    async with open_temporal() as client:
        yield client


@pytest.fixture(scope="module")
async def idle(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as opened:
        yield await _open(opened, tmp_path_factory.mktemp("idle") / "data")


@pytest.fixture(scope="module")
async def loaded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as opened:
        yield await _open(opened, tmp_path_factory.mktemp("loaded") / "data")


async def _open(opened: AsyncExitStack, path: Path) -> Stack:
    stack = await opened.enter_async_context(dev(path, Ports.free()))
    access = await stack.ready()
    opened.push_async_callback(_ask_to_stop, stack)
    record = read_record(DataFolder(path).record("loop"))
    assert record is not None
    settings = await EmbeddedPostgres(path / "postgres").start()  # finds the one that runs
    catalog = Database(settings.url)
    opened.push_async_callback(catalog.close)
    project = Project(access, "capacity")
    opened.push_async_callback(project.http.aclose)
    await project.deploy("answer", "hold", folder=FUNCTIONS, max_concurrency=1, timeout_seconds=3_600)
    return Stack(project=project, loop=psutil.Process(record.pid), catalog=catalog)


async def _ask_to_stop(stack: Dev) -> None:
    """The second time, when its context ends, cuts the grace period of the container that still runs."""
    stack.process.send_signal(signal.SIGTERM)
    while find_access(stack.folder) is not None:
        await asyncio.sleep(0.05)
