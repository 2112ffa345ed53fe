"""Signals wake the one thread that a warm container has, whatever it waits for."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from select import POLLIN, poll
from types import FrameType
from typing import Any, Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGCHLD)
_PIECE_BYTES = 4_096


class Woken(Exception):
    """There is something else to do than to wait."""


class Wake:
    """From when it is made until `leave`, SIGTERM is noted, and so is that a process has ended."""

    def __init__(self) -> None:
        self.is_terminated = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in _SIGNALS}
        self._fd_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def wait(self, seconds: float, *, descriptor: int | None = None) -> None:
        """For a signal, for something to read from the descriptor, or for so long, which may be for ever."""
        waiting = poll()
        waiting.register(self._reader, POLLIN)
        if descriptor is not None:
            waiting.register(descriptor, POLLIN)
        waiting.poll(None if seconds == math.inf else max(0.0, seconds) * 1_000)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, _PIECE_BYTES):
                pass

    def leave(self) -> None:
        """Signals do again what they did before. So in a copy of the process, which shares the pipe."""
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self.is_terminated = True


@contextlib.contextmanager
def signals_wait() -> Iterator[None]:
    """What comes meanwhile is delivered at the end of the block: in a copy of the process, to what it has by then."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
