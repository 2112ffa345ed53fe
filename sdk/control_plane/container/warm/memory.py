"""Whether the kernel has killed something in this container because its memory ran out."""

from __future__ import annotations

import contextlib

_ROOT = "/sys/fs/cgroup"
# Of versions 1 and 2 of control groups; each has a line `oom_kill` and a number.
_FILES = (("memory", "/memory", "memory.oom_control"), ("", "", "memory.events"))


class MemoryKills:
    """Counted by the kernel for the container's control group; where that cannot be read, there are none."""

    def __init__(self) -> None:
        self._known = _count()

    def are_new(self) -> bool:
        """Since it was asked last."""
        before, self._known = self._known, _count()
        return self._known > before


def _count() -> int:
    for controller, folder, name in _FILES:
        # A container sees its own group by the path that it has on the machine, or as the root.
        for path in (_own_group(controller), ""):
            with contextlib.suppress(OSError, ValueError), open(_ROOT + folder + path + "/" + name) as file:
                return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    return 0


def _own_group(controller: str) -> str:
    with contextlib.suppress(OSError, ValueError), open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controller in controllers.split(","):
                return path
    return ""
