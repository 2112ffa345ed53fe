"""Long polls of an invocation's result. A wait holds no database connection."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocation_snapshots import InvocationSnapshotRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.paths import InvocationPath
from control_plane_server.domain.entities import Invocation

# A notification may be lost with its connection: then the wait ends this much later at most.
_REREAD_INTERVAL = timedelta(seconds=5)

Parked = Callable[[], AbstractAsyncContextManager[None]]


class LongPolls:
    """The long polls of one process."""

    def __init__(self, database: Database, listener: NotificationListener) -> None:
        self._database = database
        self._listener = listener
        self._is_stopped = False

    def stop(self) -> None:
        """End every wait with the current state: this process is about to end."""
        self._is_stopped = True
        self._listener.wake_all()

    async def settled_invocation(
        self, path: InvocationPath, *, patience: timedelta, parked: Parked = contextlib.nullcontext
    ) -> Invocation:
        """The invocation as soon as its outcome is known, or as it is after `patience`.

        `parked`: a context for each wait. Within it the invocation is not kept in memory, as it may be large.
        Raises the NotFound of the outermost part of the path that is missing.
        """
        deadline = _now() + patience.total_seconds()
        async with self._listener.subscribe((INVOCATIONS_CHANNEL, path.invocation_id)) as changed:
            while True:
                changed.clear()
                invocation = await self._read(path)
                if invocation.is_settled or self._is_stopped or _now() >= deadline:
                    return invocation
                # `latest` may move on while we wait.
                path = _pin_version(path, invocation)
                del invocation
                async with parked():
                    await self._wait(path, changed, deadline)

    async def _wait(self, path: InvocationPath, changed: asyncio.Event, deadline: float) -> None:
        """Until a notification, a known outcome, or the deadline."""
        while (remaining := deadline - _now()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, _REREAD_INTERVAL.total_seconds())):
                    await changed.wait()
                    return
            async with self._database.statement() as connection:
                if await InvocationSnapshotRepository(connection).is_settled(path):
                    return

    async def _read(self, path: InvocationPath) -> Invocation:
        async with self._database.statement() as connection:
            return await InvocationRepository(connection).get(path)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _pin_version(path: InvocationPath, invocation: Invocation) -> InvocationPath:
    return replace(path, function=replace(path.function, version_ref=invocation.function.ref.version_id))
