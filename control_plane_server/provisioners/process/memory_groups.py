"""Memory limits of containers, as the kernel's control groups where this user may make some.

Version 1 (https://docs.kernel.org/admin-guide/cgroup-v1/memory.html) and version 2
(https://docs.kernel.org/admin-guide/cgroup-v2.html). In version 2 a group that has processes has no limited groups
within it, so ours are beside our own: under systemd a user's desktop session allows that, a login by ssh does not.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = "cgroup.procs"
_CALLER = "0"  # of who writes it
_KILL_PATIENCE_SECONDS = 10.0  # a process in an uninterruptible system call dies when that returns
_PROBE_BYTES = 64 * 1_024 * 1_024


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """What is in it together has no more than so much memory, swap included."""

    folder: Path

    def join(self) -> None:
        """This process, and all that it starts from now on. Raises OSError."""
        (self.folder / _PROCESSES).write_text(_CALLER)

    def has_run_out(self) -> bool:
        """Whether the kernel killed a process of it."""
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                words = (self.folder / name).read_text().split()
                return dict(zip(words[::2], words[1::2], strict=False)).get("oom_kill", "0") != "0"
        return False

    def kill(self) -> None:
        """Send SIGKILL to all processes in it, and wait until they are gone, for ten seconds at most."""
        give_up = time.monotonic() + _KILL_PATIENCE_SECONDS
        while (members := self._members()) and time.monotonic() < give_up:
            for pid in members:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def remove(self) -> None:
        """With the processes in it. Does nothing if there is none."""
        self.kill()
        with suppress(OSError):
            self.folder.rmdir()

    def _members(self) -> list[int]:
        """Empty if they cannot be read. 0 stands for processes that we cannot see, and to kill it is to kill ours."""
        try:
            pids = map(int, (self.folder / _PROCESSES).read_text().split())
        except OSError:
            return []
        return [pid for pid in pids if pid not in (0, os.getpid())]


def group_name(container: str) -> str:
    """The name of the folder of a container's group."""
    return f"control-plane-{container}"


def make_memory_group(name: str, size: int) -> MemoryGroup | None:
    """A new one of so many bytes, or the one of that name; None where none can be made."""
    for parent in _parents():
        group = MemoryGroup(parent / group_name(name))
        try:
            group.folder.mkdir(exist_ok=True)
        except OSError:
            continue
        if _limit(group, size):
            return group
        group.remove()
    return None


def can_limit_memory() -> bool:
    """Tried out: whether a process can be put into a group."""
    group = make_memory_group(f"probe-{os.getpid()}", _PROBE_BYTES)
    if group is None:
        return False
    try:
        subprocess.run(["true"], preexec_fn=group.join, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        group.remove()
    return True


def _limit(group: MemoryGroup, size: int) -> bool:
    """Of the two versions' settings, one is there. The limit with swap is set last: it must not be the lower one."""
    is_limited = _write(group.folder / "memory.max", size) or _write(group.folder / "memory.limit_in_bytes", size)
    _write(group.folder / "memory.swap.max", 0)
    _write(group.folder / "memory.memsw.limit_in_bytes", size)
    return is_limited


def _write(file: Path, number: int) -> bool:
    try:
        with file.open("r+") as setting:  # never made by us: a file that is not there is of the other version
            setting.write(str(number))
    except OSError:
        return False
    return True


def _parents() -> Iterator[Path]:
    """The folders in which groups with a limit can be."""
    try:
        mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())  # a name in it may be no text
        own_groups = os.fsdecode(Path("/proc/self/cgroup").read_bytes())
    except OSError:  # not Linux
        return
    yield from parents_in(mounts, own_groups)


def parents_in(mounts: str, own_groups: str) -> Iterator[Path]:
    """From the texts of /proc/self/mountinfo and /proc/self/cgroup. What of them is not understood is passed over: the
    source of a mount, for one, may be empty."""
    for mount in mounts.splitlines():
        fields, _, kind = mount.partition(" - ")
        match fields.split(), kind.split(maxsplit=2):
            case [_, _, _, root, point, *_], ["cgroup", _, options] if "memory" in options.split(","):
                yield Path(point) / _within(own_groups, "memory", root)
            case [_, _, _, root, point, *_], ["cgroup2", *_]:
                own = Path(point) / _within(own_groups, "", root)
                if own != Path(point):
                    yield own.parent
                yield own


def _within(own_groups: str, controller: str, root: str) -> str:
    """Our own group of this controller, from the folder that is mounted. No controller: version 2."""
    for line in own_groups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path and controller in controllers.split(","):
            return os.path.relpath(path, root) if Path(path).is_relative_to(root) else "."
    return "."
