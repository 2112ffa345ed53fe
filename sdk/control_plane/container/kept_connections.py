"""A connection to the API that is kept for the next request, in a process whose descriptors the user's code may close,
give to something else, or share with copies of the process."""

from __future__ import annotations

import os
from select import POLLIN, poll
from time import monotonic
from typing import List, NamedTuple

from control_plane.container.connections import Connection

# Below what load balancers keep, and before what is in between forgets about it without a word.
_LONGEST_SECONDS = 15.0

# Bound when we are loaded, as what libraries put in their places is for the user's sockets.
_poll, _POLLIN = poll, POLLIN


class _Idle(NamedTuple):
    """`file`: device and inode of what the descriptor was when it was kept."""

    connection: Connection
    descriptor: int
    file: tuple[int, int]
    process_id: int
    since: float


class KeptConnections:
    """One at most. May be used by any number of threads: taking it takes it from the others."""

    def __init__(self) -> None:
        self._idle: List[_Idle] = []

    def take(self, *, timeout: float) -> Connection | None:
        """One that seems to be open still; None: there is none. `timeout`, in seconds, is of each step from now on."""
        try:
            idle = self._idle.pop()
        except IndexError:
            return None
        if not _is_what_it_was(idle):
            # Its number is the user's by now, and must not be closed when the connection is collected.
            idle.connection.sock.detach()
            return None
        if idle.process_id != os.getpid() or monotonic() - idle.since > _LONGEST_SECONDS or _has_news(idle.descriptor):
            idle.connection.close()
            return None
        idle.connection.sock.settimeout(timeout)
        return idle.connection

    def keep(self, connection: Connection) -> None:
        """One whose answer has been read. It is closed where it cannot be kept."""
        try:
            descriptor = connection.sock.fileno() if connection.sock is not None else -1
            if descriptor < 0 or self._idle:
                connection.close()
                return
            self._idle.append(_Idle(connection, descriptor, file_of(descriptor), os.getpid(), monotonic()))
        except OSError:  # closed by the user's code meanwhile
            connection.close()

    def close(self) -> None:
        connection = self.take(timeout=0.0)
        if connection is not None:
            connection.close()


def _is_what_it_was(idle: _Idle) -> bool:
    try:
        return file_of(idle.descriptor) == idle.file
    except OSError:
        return False


def file_of(descriptor: int) -> tuple[int, int]:
    """Device and inode. Raises OSError."""
    state = os.fstat(descriptor)
    return state.st_dev, state.st_ino


def _has_news(descriptor: int) -> bool:
    """Nothing was asked for: it can only be the end, which servers put to what is idle."""
    asked = _poll()
    asked.register(descriptor, _POLLIN)
    return bool(asked.poll(0))
