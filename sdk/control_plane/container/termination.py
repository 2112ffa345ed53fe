"""SIGTERM, the control plane's request to stop, as an exception in the user's code."""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import signal
import sys
import time
from _thread import get_ident
from types import FrameType
from typing import Any, Callable, Iterator, List

from control_plane.container import streams
from control_plane.errors import Cancelled, Stopped, TimedOut

_TIMERS = (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF)  # end a process that does not heed them

_TOLERANCE_SECONDS = 0.1  # between our clock and the catalog's, over an attempt
_MOST_SHOWN = 100  # threads, and frames of each
_WHAT_STACKS = "(Told to stop. Above: where the code was.)\n"


class Termination:
    """Notes the first SIGTERM and delivers it once, as soon as the user's code is running. Later ones are ignored."""

    def __init__(self) -> None:
        self._deadline = math.inf
        self._attempt_end = math.inf
        self._process_id = os.getpid()
        self._deliver: Callable[[], None] | None = None
        self._is_delivered = False
        self._is_over = False
        self._of_the_module: Any = None
        self._shows_stacks = False
        self.is_requested = False
        # Both are said by `shield`, and count only what came before.
        self.has_reached_code = False
        self.may_have_reached_code = False
        # The module of a warm container was told of it, whatever it has made of that.
        self.has_reached_module = False

    def install(self) -> None:
        if not _newest:
            os.register_at_fork(after_in_child=_leave_fork)
        _newest[:] = [self]
        before = signal.signal(signal.SIGTERM, self._on_sigterm)
        self._of_the_module = before if callable(before) else None

    def show_stacks(self) -> None:
        """The first SIGTERM leaves where every thread was in the log, before it is delivered."""
        self._shows_stacks = True
        # Not by the handler, which runs when the main thread is back from C: it may never be. The others are left to
        # it: they go on meanwhile, and who reads the stack of a running thread may crash.
        faulthandler.register(signal.SIGTERM, file=streams.STDERR, all_threads=False, chain=True)

    def begin_code(self) -> None:
        """A warm container's module may have taken SIGTERM over when it was imported, before all executions."""
        if self._of_the_module is not None:
            signal.signal(signal.SIGTERM, self._pass_on)

    def limit(self, *, deadline: int, attempt_end: float) -> None:
        """When a stop is a timeout. `deadline`: the invocation's, since the epoch. `attempt_end`: by the monotonic
        clock; the control plane counts from the reported start on."""
        self._deadline = deadline
        self._attempt_end = attempt_end

    @property
    def is_replaced(self) -> bool:
        """Whether the user's code took SIGTERM over, so that we do not know whether there was one."""
        return signal.getsignal(signal.SIGTERM) != self._on_sigterm

    def shield(self) -> None:
        """The user's code is over. From now on no signal does what the code made of it: a forgotten alarm's, say."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # what comes meanwhile waits
        if not self._is_over:
            self.may_have_reached_code = self.is_replaced
            self.has_reached_code = self.is_requested
            self._is_over = True
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)) or number in _TIMERS:
                signal.signal(number, _ignore)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def uninstall(self) -> None:
        """From now on SIGTERM ends the process: there is nothing left to report. So does one that came meanwhile."""
        if self._shows_stacks:
            faulthandler.unregister(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self.is_requested and not self.has_reached_code:
            os.kill(os.getpid(), signal.SIGTERM)

    @contextlib.contextmanager
    def delivery(self, deliver: Callable[[], None] | None = None) -> Iterator[None]:
        """While the block runs, a SIGTERM calls `deliver`, which by default raises Stopped.

        One that came before is delivered at once.
        """
        self._deliver = deliver or self._interrupt
        try:
            self._deliver_once()
            yield
        finally:
            self._deliver = None

    def interruption(self) -> Stopped:
        """Which one: a timeout is only a later whole second than the deadline, as the control plane counts."""
        is_late = int(time.time()) > self._deadline or time.monotonic() >= self._attempt_end - _TOLERANCE_SECONDS
        return TimedOut() if is_late else Cancelled()

    def leave_fork(self) -> None:
        """A copy of the process knows nothing of us: SIGTERM just ends it."""
        if not self.is_replaced:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.has_reached_module = True
        self._of_the_module(number, frame)

    def _on_sigterm(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process_id:  # a copy that something other than Python has made
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self.is_requested:
            return
        self.is_requested = True
        if self._shows_stacks:
            faulthandler.unregister(number)  # one trace is enough
            _show_other_threads()
            streams.write_error(_WHAT_STACKS)
        self._deliver_once()

    def _deliver_once(self) -> None:
        if self._deliver is None or self._is_delivered or not self.is_requested:
            return
        self._is_delivered = True
        self._deliver()

    def _interrupt(self) -> None:
        raise self.interruption()


_newest: List[Termination] = []  # a process that goes on has one for each execution


def _leave_fork() -> None:
    _newest[0].leave_fork()


def _show_other_threads() -> None:
    """As faulthandler does. None of them runs while we do."""
    own = get_ident()
    for identifier, innermost in [*sys._current_frames().items()][:_MOST_SHOWN]:
        if identifier == own:
            continue
        frame: FrameType | None = innermost
        lines = ["Thread 0x%016x (most recent call first):\n" % identifier]
        while frame is not None and len(lines) <= _MOST_SHOWN:
            lines.append(
                '  File "%s", line %s in %s\n' % (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
            )
            frame = frame.f_back
        streams.write_error("".join(lines))


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Unlike SIG_IGN, it leaves programs that are started, and the waits for them, as they were."""
