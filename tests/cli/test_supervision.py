"""What keeps a server running goes on, whatever it is that fails."""

import asyncio
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.supervision import keep_server_running, supervise


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    return folder


class Unstartable(Server):
    """It cannot be started a second time, but a third: the machine was out of processes for a moment."""

    def __init__(self, folder: DataFolder) -> None:
        super().__init__(
            name="loop",
            command=(sys.executable, "-c", "import time; time.sleep(600)"),
            environment={},
            grace=timedelta(seconds=1),
            folder=folder,
        )
        self.starts = 0
        self.is_up_again = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self.starts == 2:
            raise BlockingIOError("Resource temporarily unavailable")
        await super().start()
        if self.starts == 3:
            self.is_up_again.set()

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()


def deaf(_: str) -> None:
    raise BrokenPipeError


async def test_a_server_that_cannot_be_started_at_once_is_started_later_though_nobody_listens(
    folder: DataFolder,
) -> None:
    server = Unstartable(folder)
    await server.start()
    keeping = asyncio.create_task(supervise(server.name, partial(keep_server_running, server), deaf))
    try:
        server.kill()
        async with asyncio.timeout(30):
            await server.is_up_again.wait()
        assert not keeping.done()
    finally:
        keeping.cancel()
        await server.stop(asyncio.Event())
