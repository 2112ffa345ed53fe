"""Counts that all processes of a container share: those that it forks, and those that it starts anew.

They find them by an environment variable. The memory that holds them is gone with the container's first process.
"""

from __future__ import annotations

import fcntl
import os

_VARIABLE = "CONTROL_PLANE_TALLY"
_NAME = "control-plane-tally"
_LENGTH = 33  # of an entry: a name of 32 characters and a line end


def open_tally() -> None:
    """To be called once for an execution. Where there is no such memory, `count` knows of none."""
    close_tally()
    if hasattr(os, "memfd_create"):
        os.environ[_VARIABLE] = "/proc/%d/fd/%d" % (os.getpid(), os.memfd_create(_NAME))


def close_tally() -> None:
    """Of the execution before, in a process that goes on."""
    path = os.environ.pop(_VARIABLE, "")
    try:
        if path.startswith("/proc/%d/fd/" % os.getpid()) and os.readlink(path).startswith("/memfd:" + _NAME):
            os.close(int(path.rpartition("/")[2]))
    except (OSError, ValueError):
        return


def count(name: str) -> int | None:
    """How often this was asked for the name, which has 32 characters, in all of the container; None if nobody knows."""
    path = os.environ.get(_VARIABLE)
    try:
        # The first process may have closed it with all that it saw, and have something else under its number.
        if path is None or not os.readlink(path).startswith("/memfd:" + _NAME):
            return None
        return _count(path, name.encode())
    except OSError:  # it was closed, or this is another user's process
        return None


def _count(path: str, name: bytes) -> int:
    # Opened each time: of copies of one descriptor all have the lock that one has taken.
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        entries = file.read()
        file.write(name + b"\n")
    return entries.count(name + b"\n") + 1
