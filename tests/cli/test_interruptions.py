"""Ctrl-C ends what takes long, and leaves nothing half-done behind."""

import asyncio
import os
import signal
import time
from pathlib import Path

from tests.cli.terminal import Terminal, ended
from tests.figures import Show

_MAIN = "from control_plane import function\n\n@function\ndef greet(): ...\n"
_GIB = 1024 * 1024 * 1024


async def test_a_large_folder_that_is_being_copied(terminal: Terminal, show: Show) -> None:
    folder = terminal.home / "large"
    folder.mkdir()
    (folder / "main.py").write_text(_MAIN)
    (folder / "data").touch()
    os.truncate(folder / "data", 2 * _GIB)  # without a block of its own, until it is copied
    deploying = await terminal.start("deploy", "large")
    copies = terminal.home / ".control-plane" / "images" / "large"
    async with asyncio.timeout(30):
        while not _bytes_in(copies):
            await asyncio.sleep(0.01)
    began = time.monotonic()
    deploying.send_signal(signal.SIGINT)
    run = await ended(deploying)
    show(f"A copy of 2 GiB is interrupted within {time.monotonic() - began:.2f} s")
    assert run.exit_code == 130, run.stderr
    assert list(copies.iterdir()) == []
    assert (
        run.stderr
        == "large, and copied with each deployment: data (2,147 MB); .controlplaneignore may name what is not needed\n"
    )


def _bytes_in(copies: Path) -> int:
    return sum(data.stat().st_size for data in copies.glob("draft-*/data"))
