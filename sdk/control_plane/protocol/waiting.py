"""How long it is worth trying again, and when: jitter, growing pauses, deadlines."""

from __future__ import annotations

import os
from time import monotonic
from typing import NamedTuple

from control_plane.protocol.steps import Lost, Plan, Sleep

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


class Patience(NamedTuple):
    """Seconds: while nobody listens; while no answer comes, or one that says to try again; while something answers that
    is no control plane."""

    unheard: float
    unanswered: float
    foreign: float = 0.0


class Deadline:
    """A moment after which nobody waits any longer; without seconds there is none."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until = None if seconds is None else monotonic() + seconds

    def remaining(self, at_most: float) -> float:
        """Seconds, at most so many, at least 0."""
        return at_most if self._until is None else max(0.0, min(at_most, self._until - monotonic()))

    def check(self, what: str = "it has not ended") -> None:
        """Raises TimeoutError."""
        if self._until is not None and monotonic() >= self._until:
            raise TimeoutError("%s within %g s" % (what, self._seconds or 0))


NEVER = Deadline(None)


class Pauses:
    """Between the tries of one request: longer and longer, until patience is at its end."""

    def __init__(self, deadline: Deadline = NEVER) -> None:
        self._deadline = deadline
        self._try_began = monotonic()
        self.start_again()

    def start_again(self) -> None:
        """Something has come."""
        self._began = monotonic()
        self._next = _FIRST_PAUSE_SECONDS
        self._limited_since: float | None = None

    def begin_try(self) -> None:
        self._try_began = monotonic()

    def forgive_try(self) -> None:
        """What was under way since the last try began was no waiting."""
        self._began += monotonic() - self._try_began

    def wait(self, patience_seconds: float, lost: Lost) -> Plan[bool]:
        """False, at once, if patience is at its end. Raises TimeoutError if the deadline comes first."""
        left = self._began + patience_seconds - monotonic()
        if lost.patience_seconds is None:
            self._limited_since = None
        else:
            self._limited_since = self._limited_since or monotonic()
            left = min(left, self._limited_since + lost.patience_seconds - monotonic())
        if left <= 0:
            return False
        pause = min(max(lost.pause_seconds, self._next * _jitter()), left)
        yield Sleep(self._deadline.remaining(pause))
        self._deadline.check()
        self._next = min(2 * self._next, _LONGEST_PAUSE_SECONDS)
        return True


def _jitter() -> float:
    """Between a half and one. Importing `random` would cost every container more than the system's own bytes do."""
    return 0.5 + os.urandom(1)[0] / 510
