"""Long polls of warm containers, which ask for their next execution. A wait holds no database connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, FinalReport
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL, NotificationListener
from control_plane_server.catalog.warm_containers.containers import EndedLease, Lease, Next
from control_plane_server.catalog.warm_containers.polls import PollRepository
from control_plane_server.domain.errors import ServiceIsUnavailable
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId
from control_plane_server.domain.reuse import LONGEST_POLL

# Of one process: each is a connection and some kilobytes.
_MOST_POLLS = 10_000
_NOTHING = Next()

Parked = Callable[[], AbstractAsyncContextManager[None]]
Running = tuple[ExecutionId, int]


class WarmPolls:
    """The polls of one process: one of each container, the newest."""

    def __init__(
        self,
        database: Database,
        listener: NotificationListener,
        *,
        patience: timedelta = LONGEST_POLL,
        most: int = _MOST_POLLS,
    ) -> None:
        self._database = database
        self._listener = listener
        self._patience = patience.total_seconds()
        self._most = most
        self._newest: dict[WarmContainerId, asyncio.Event] = {}
        self._is_stopped = False

    def stop(self) -> None:
        """Answer every poll now: this process is about to end."""
        self._is_stopped = True
        self._listener.wake_all()

    async def next(
        self,
        container_id: WarmContainerId,
        *,
        ended: EndedLease | None,
        report: FinalReport | None = None,
        running: Running | None,
        parked: Parked = contextlib.nullcontext,
    ) -> Next:
        """What the container is to do, as soon as there is something, or nothing after `patience`.

        `report`: of what has ended, if that was not reported: recorded before it is let go of. `running`: the launch
        that the container knows of: it is answered when that is to stop. `parked`: a context for each wait. A lease
        that comes meanwhile is answered as it was notified, without a look at the catalog: `start` is refused if it has
        been revoked since. Raises ServiceIsUnavailable if too many wait.
        """
        deadline = _now() + self._patience
        over = None if ended is None else (ended.execution_id, ended.launch)
        async with (
            self._listener.subscribe((WARM_CONTAINERS_CHANNEL, container_id)) as changed,
            self._as_newest(container_id, changed) as is_newest,
        ):
            while True:
                told = _as_news(await self._ask(container_id, ended, report), running)
                ended = report = None
                if told.lease is not None or told.must_stop or told.must_end or self._is_stopped:
                    return told
                async with parked():
                    await _set_by(changed, _look_again_at(deadline, told))
                is_over = not changed.is_set() and _now() >= deadline
                if is_over or not is_newest():
                    return _NOTHING
                lease = None if running is not None or changed.words is None else Lease.of_words(changed.words)
                if lease is not None and _launch_of(lease) != over:  # else the word is late
                    return Next(lease=lease)
                changed.clear()

    async def _ask(self, container_id: WarmContainerId, ended: EndedLease | None, report: FinalReport | None) -> Next:
        async with self._database.statement() as connection:
            if ended is not None and report is not None:
                await ExecutionRepository(connection).finish_launch(ended.execution_id, ended.launch, report)
            return await PollRepository(connection).next(container_id, ended=ended)

    @asynccontextmanager
    async def _as_newest(
        self, container_id: WarmContainerId, changed: asyncio.Event
    ) -> AsyncIterator[Callable[[], bool]]:
        """Whether this poll is still the container's newest. One before it is of a connection that was given up, and is
        answered now: containers break polls off whenever an execution ends."""
        before = self._newest.get(container_id)
        if before is not None:
            before.set()
        elif len(self._newest) >= self._most:
            raise ServiceIsUnavailable
        self._newest[container_id] = changed
        try:
            yield lambda: self._newest.get(container_id) is changed
        finally:
            if self._newest.get(container_id) is changed:
                del self._newest[container_id]


def _as_news(told: Next, running: Running | None) -> Next:
    """Without the lease that the container knows of."""
    if running is None or told.lease is None or _launch_of(told.lease) != running:
        return told
    return replace(told, lease=None)


def _launch_of(lease: Lease) -> Running:
    return lease.execution_id, lease.launch


def _look_again_at(deadline: float, told: Next) -> float:
    """At the deadline, or when the container must end unless it is leased before."""
    expires_in = 0.0 if told.expires_in is None else told.expires_in.total_seconds()
    return min(deadline, _now() + expires_in) if expires_in > 0 else deadline


async def _set_by(changed: asyncio.Event, moment: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(moment):
            await changed.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
