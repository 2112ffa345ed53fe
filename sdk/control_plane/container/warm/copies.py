"""An execution's process, a copy of ours, as its parent sees it: how it is told to stop, when it and all that it has
started are gone."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Set

from control_plane.container.warm import kernel

_PATIENCE_SECONDS = 10.0  # with what is killed
_PAUSE_SECONDS = 0.002
_CAN_LOOK = hasattr(os, "waitid")  # not on macOS before Python 3.13


class Copy:
    """Leads a process group. `spared`: children of ours that are none of an execution's."""

    def __init__(self, process_id: int, spared: Set[int]) -> None:
        self.id = process_id
        self._spared = spared
        self._has_ended = False
        self._status: int | None = None

    def has_ended(self) -> bool:
        """It may have left others behind."""
        if not _CAN_LOOK and not self._has_ended:
            found_id, status = os.waitpid(self.id, os.WNOHANG)
            if found_id == self.id:
                self._has_ended, self._status = True, status
            return self._has_ended
        while not self._has_ended:
            # Not yet taken notice of, so that its number, and its group's, stays its own.
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return False
            if found.si_pid == self.id:
                self._has_ended = True
            else:
                os.waitpid(found.si_pid, os.WNOHANG)  # an orphan
        return True

    def terminate(self) -> None:
        """As a platform does: of its processes only the first."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def clear(self) -> int | None:
        """Once it has ended: kill what it has left. Its exit code; None where something could not be killed."""
        with contextlib.suppress(OSError):
            os.killpg(self.id, signal.SIGKILL)
        status = os.waitpid(self.id, 0)[1] if self._status is None else self._status
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            left = kernel.children() - self._spared
            if not left:
                break
            if time.monotonic() > give_up:
                return None
            for process_id in left:
                with contextlib.suppress(OSError):
                    os.kill(process_id, signal.SIGKILL)
                    os.waitpid(process_id, os.WNOHANG)
            time.sleep(_PAUSE_SECONDS)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def _send(self, number: int) -> None:
        if not self._has_ended:
            with contextlib.suppress(OSError):
                os.kill(self.id, number)
