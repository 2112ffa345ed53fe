"""Strikes processes of containers of which one is there before its executions and after them."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.plan import Fault, Target

_WARM = "con-"
_KILLED_FIRST = 800
# A lease waits ten seconds for the start; then the container has five to stop.
_SHORTEST_PAUSE = 8.0
_LONGEST_PAUSE = 25.0


def is_warm(container: str) -> bool:
    """By its name."""
    return container.startswith(_WARM)


def suits(target: Target, container: str, pid: int | None) -> bool:
    """`container`: its name. `pid`: of its main process; None if it is not there."""
    match target:
        case Target.CONTAINER_IDLE | Target.CONTAINER_PAUSED:
            return is_warm(container) and (pid is None or running_copy(pid) is None)
        case Target.EXECUTION:
            return is_warm(container) and pid is not None and running_copy(pid) is not None
    return True


def first_child(pid: int) -> int | None:
    """Of a supervisor, the container's main process."""
    children = _children(pid)
    return children[0] if children else None


def running_copy(pid: int) -> int | None:
    """Of a warm container's main process, what an execution runs in; not what waits for one."""
    return next(filter(_runs, _children(pid)), None)


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def _runs(pid: int) -> bool:
    """Such a process is to be killed first where memory runs out."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text()) == _KILLED_FIRST
    return False


def strike(fault: Fault, pid: int) -> bool:
    """Kill this process, or have it sleep for a while. False if it is not there any more."""
    is_paused = fault.target is Target.CONTAINER_PAUSED
    try:
        os.kill(pid, signal.SIGSTOP if is_paused else signal.SIGKILL)
    except ProcessLookupError:
        return False
    if is_paused:
        # What it is given meanwhile is revoked, if it takes long enough; then it wakes, unless it has been killed.
        seconds = _SHORTEST_PAUSE + fault.choice * (_LONGEST_PAUSE - _SHORTEST_PAUSE)
        asyncio.get_running_loop().call_later(seconds, _wake, pid)
    return True


def _wake(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
