"""SIGTERM, the control plane's request to stop, as an exception in the user's code."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import FrameType
from typing import Callable, Iterator


class InvocationInterrupted(BaseException):
    """Raised where the user's code is when the control plane wants it to stop; code may catch it to tidy up.

    Not an Exception, so that `except Exception` in a library does not swallow it.
    """


class InvocationCancelled(InvocationInterrupted):
    """Somebody cancelled the invocation."""


class InvocationTimedOut(InvocationInterrupted):
    """The invocation took longer than its function may."""


class Termination:
    """Notes the first SIGTERM and delivers it once, as soon as the user's code is running. Later ones are ignored."""

    def __init__(self, deadline: int) -> None:
        self._deadline = deadline
        self._process_id = os.getpid()
        self._deliver: Callable[[], None] | None = None
        self._is_delivered = False
        self.is_requested = False

    def install(self) -> None:
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def uninstall(self) -> None:
        """From now on SIGTERM ends the process: there is nothing left to report."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    @contextlib.contextmanager
    def delivery(self, deliver: Callable[[], None] | None = None) -> Iterator[None]:
        """While the block runs, a SIGTERM calls `deliver`, which by default raises InvocationInterrupted.

        One that came before is delivered at once.
        """
        self._deliver = deliver or self._interrupt
        try:
            self._deliver_once()
            yield
        finally:
            self._deliver = None

    def interruption(self) -> InvocationInterrupted:
        """Which one: a timeout is only a later whole second than the deadline, as the control plane counts."""
        return InvocationTimedOut() if int(time.time()) > self._deadline else InvocationCancelled()

    def _on_sigterm(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process_id:  # a fork of the user's, which knows nothing of us: SIGTERM just ends it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.is_requested:
            return
        self.is_requested = True
        self._deliver_once()

    def _deliver_once(self) -> None:
        if self._deliver is None or self._is_delivered or not self.is_requested:
            return
        self._is_delivered = True
        self._deliver()

    def _interrupt(self) -> None:
        raise self.interruption()
