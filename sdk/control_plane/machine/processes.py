"""Processes of this machine, identified by more than their pid, which the system reuses."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

if sys.platform != "linux":  # whose /proc says all that
    import subprocess

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_KILL_PATIENCE_SECONDS = 10.0  # a process in an uninterruptible system call dies when that returns


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """`started`: the start time as the system states it, in clock ticks since boot on Linux, so that a change of the
    clock does not change it. `boot`: identifies the boot of the machine."""

    pid: int
    started: str
    boot: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Process":
        return cls(**json.loads(text))

    def is_alive(self) -> bool:
        return self.is_of_this_boot() and process_of(self.pid) == self

    def is_of_this_boot(self) -> bool:
        return self.boot == _boot()

    def terminate(self) -> None:
        """Send SIGTERM, unless the process is gone."""
        if not self.is_alive():
            return
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return


def process_of(pid: int) -> Process | None:
    """The process that has this pid now; None if there is none, or if it is a zombie."""
    started = _start_time(pid)
    return None if started is None else Process(pid=pid, started=started, boot=_boot())


def kill_session(session_id: int) -> None:
    """Send SIGKILL to all processes of a session but this one, and wait until they are gone, for ten seconds at most.

    The session's leader may be dead: while a process is left in the session, the system does not reuse its id.
    """
    give_up = time.monotonic() + _KILL_PATIENCE_SECONDS
    while members := _members(session_id):
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > give_up:
            return
        time.sleep(0.01)


def _members(session_id: int) -> list[int]:
    return [pid for pid in _pids() if pid != os.getpid() and _is_in(pid, session_id) and process_of(pid) is not None]


def _is_in(pid: int, session_id: int) -> bool:
    try:
        return os.getsid(pid) == session_id
    except (ProcessLookupError, PermissionError):
        return False


if sys.platform == "linux":

    def _pids() -> list[int]:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]

    def _boot() -> str:
        return _BOOT_ID.read_text().strip()

    def _start_time(pid: int) -> str | None:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name, in parentheses, may hold anything; after it come the state and, 19 fields on, the start in ticks.
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]

else:

    def _said(*words: str) -> str:
        """The same, whatever language and time zone the one has who asks."""
        environment = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
        return subprocess.run(words, capture_output=True, text=True, check=False, env=environment).stdout.strip()

    def _pids() -> list[int]:
        return [int(word) for word in _said("ps", "-A", "-o", "pid=").split()]

    def _boot() -> str:
        return _said("sysctl", "-n", "kern.bootsessionuuid")

    def _start_time(pid: int) -> str | None:
        state, _, started = _said("ps", "-o", "stat=,lstart=", "-p", str(pid)).partition(" ")
        return started.strip() if state and state[0] != "Z" else None
