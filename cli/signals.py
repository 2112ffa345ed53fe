"""Ctrl-C, SIGTERM and a closed terminal, as events: the first asks to stop, the second to hurry."""

import asyncio
import signal
from collections.abc import Coroutine
from types import TracebackType
from typing import TypeVar

Result = TypeVar("Result")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """The user, or the system, wants this command to end."""


class StopSignals:
    """A context in which the signals set events and do nothing else."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()

    def __enter__(self) -> "StopSignals":
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)

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

    def _receive(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()
