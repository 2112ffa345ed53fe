"""A folder is one stack's at a time, and whoever asks whose it is disturbs nobody."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.folder import DataFolder

_HOLD = """
import sys, time
from pathlib import Path
from control_plane_server.cli.stack.folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
folder.acquire()
print("held", flush=True)
time.sleep(600)
"""


def test_whoever_asks_keeps_no_stack_from_starting(tmp_path: Path) -> None:
    DataFolder(tmp_path).make()
    with _asking(tmp_path):
        for _ in range(300):
            folder = DataFolder(tmp_path)
            folder.acquire()
            folder.release()


@contextmanager
def _asking(path: Path) -> Iterator[None]:
    """Without a pause, by several."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            DataFolder(path).holder()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """By another process, which is killed in the end."""
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder.pid
        finally:
            holder.kill()


def test_the_holder_is_known_as_long_as_it_lives(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.holder() is None
    with _held(tmp_path) as pid:
        assert folder.holder() == pid
        with pytest.raises(StackError, match=f"process {pid} runs a stack on "):
            folder.acquire()
    assert folder.holder() is None
    folder.acquire()
    assert folder.holder() == os.getpid()
    folder.release()
    assert folder.holder() is None
