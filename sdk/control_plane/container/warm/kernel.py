"""What Linux does for a process that looks after others. Elsewhere, nothing."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Set

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_KILLED_FIRST = b"800"  # of 1,000


def adopt_orphans() -> Any:
    """Whatever this process's descendants leave behind becomes its child. What `end_with_parent` needs."""
    try:
        import ctypes  # noqa: PLC0415 - not every Python has it

        library = ctypes.CDLL(None)
        library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return None
    return library


def end_with_parent(library: Any, parent: int, number: int) -> None:
    """Of a child just made: it gets this signal when its parent dies."""
    if library is None:
        return
    library.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(128 + number)


def prefer_to_kill() -> None:
    """This process and those that it starts, where memory runs out: before the parent, which must go on."""
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(descriptor, _KILLED_FIRST)
        finally:
            os.close(descriptor)


def children() -> Set[int]:
    """Of this process, zombies too; none where the kernel does not say."""
    found: Set[int] = set()
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            with contextlib.suppress(OSError), open("/proc/self/task/%s/children" % thread, "rb") as file:
                found.update(map(int, file.read().split()))
    return found
