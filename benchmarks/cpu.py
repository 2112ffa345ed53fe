"""What processes use of the processor."""

import asyncio
import time
from collections.abc import Iterable, Mapping

import psutil


async def core_share(processes: Iterable[psutil.Process], *, seconds: float) -> float:
    """How much of one core they use while the time passes, children included: 0.1 is a tenth."""
    watched = tuple(processes)
    before, start = _seconds(watched), time.monotonic()
    await asyncio.sleep(seconds)
    return (_seconds(watched) - before) / (time.monotonic() - start)


def milliseconds_of(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    """Of processor time, that each has used since it began, children included."""
    return {name: 1_000 * _seconds((process,)) for name, process in processes.items()}


def _seconds(processes: Iterable[psutil.Process]) -> float:
    return sum(_own_seconds(process) + sum(map(_own_seconds, process.children())) for process in processes)


def _own_seconds(process: psutil.Process) -> float:
    """With those of children that have ended, which are in no other process's account any more."""
    try:
        times = process.cpu_times()
        return time.clock_gettime(_cpu_clock(process.pid)) + float(times.children_user + times.children_system)
    except (psutil.NoSuchProcess, OSError):
        return 0.0


def _cpu_clock(pid: int) -> int:
    """Linux's clock of what a process has used, as clock_getcpuclockid(3) makes it: the times of /proc are in steps of
    10 ms, which is what an idle process uses in a second."""
    return (~pid << 3) | 2
