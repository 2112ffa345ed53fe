"""Turns for what takes much memory, of whoever asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from control_plane_server.domain.errors import ServiceIsUnavailable

# Of new batches: what is made of a body takes some 50 MB until it is in the catalog.
_AT_ONCE = 4
_PATIENCE = timedelta(seconds=30)


# Of uploads through this process, each of some pieces of a megabyte.
_UPLOADS_AT_ONCE = 32


class Turns:
    def __init__(self, at_once: int = _AT_ONCE, patience: timedelta = _PATIENCE) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._patience = patience

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of `at_once` turns, first come, first served. Raises ServiceIsUnavailable after `patience`."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._places.acquire()
        except TimeoutError:
            raise ServiceIsUnavailable from None
        try:
            yield
        finally:
            self._places.release()


def uploads() -> Turns:
    return Turns(at_once=_UPLOADS_AT_ONCE)
