"""Ctrl-C, SIGTERM and a closed terminal, as events: the first asks to stop, the second to hurry."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType, TracebackType
from typing import Any, TypeVar

from control_plane.cli.streams import is_writing

Result = TypeVar("Result")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """The user, or the system, wants this command to end."""


class StopSignals:
    """A context in which the signals set events and do nothing else, except that `ends_writing` says so: then one that
    comes while we wait for somebody to read what we write raises StopRequested there."""

    def __init__(self, *, ends_writing: bool = False) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self._ends_writing = ends_writing
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in _SIGNALS:
            # What `nohup` has started goes on without its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    async def interrupting(self, work: Coroutine[None, None, Result]) -> Result:
        """Do the work; raises StopRequested, the work cancelled and over, if a signal comes first."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self.stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.wait({working})
        raise StopRequested

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._receive)
        if self._ends_writing and is_writing():
            raise StopRequested

    def _receive(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()
