"""The results of invocations that somebody names, as their outcomes become known."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Sequence
from contextlib import ExitStack
from datetime import timedelta

from api.results.streams import Form, Places, ResultStream
from api.schemas.results import ResultLine
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.results import ResultRepository
from control_plane_server.domain.batches import InvocationReport
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.domain.identifiers import InvocationId

# A notification may be lost with its connection: then a result comes this much later at most, or more where many
# streams wait for very many invocations.
_REREAD_INTERVAL = timedelta(seconds=5)
_REREADS_PER_SECOND = 50  # statements of all streams
_POLL_INTERVAL = timedelta(seconds=0.5)
# Results that come one after the other are read together.
_SHORTEST_INTERVAL = timedelta(seconds=0.05)
# Read by one statement.
_AT_ONCE = 1_000


class _Lines:
    """Numbers the lines of one stream. An invocation that was named twice has two."""

    def __init__(self, invocation_ids: Sequence[str]) -> None:
        self._position = 0
        self._indexes: defaultdict[str, list[int]] = defaultdict(list)
        for index, invocation_id in enumerate(invocation_ids):
            self._indexes[invocation_id].append(index)

    def of(self, reports: Iterable[InvocationReport]) -> list[ResultLine]:
        return [
            ResultLine.of(report, position=self._next(), index=index)
            for report in reports
            for index in self._indexes[report.invocation_id]
        ]

    def of_unknown(self, invocation_ids: Collection[str]) -> list[ResultLine]:
        return [
            ResultLine.of_unknown(invocation_id, position=self._next(), index=index)
            for invocation_id in sorted(invocation_ids, key=lambda one: self._indexes[one])
            for index in self._indexes[invocation_id]
        ]

    def _next(self) -> int:
        self._position += 1
        return self._position


class AwaitedResults:
    """The streams of one process. A stream that waits holds no database connection, and reads those invocations that
    are notified."""

    def __init__(self, database: Database, listener: NotificationListener, places: Places) -> None:
        self._database = database
        self._listener = listener
        self._places = places
        self._is_stopped = False

    def stop(self) -> None:
        """End every stream: this process is about to end."""
        self._is_stopped = True
        self._listener.wake_all()

    async def open(self, invocation_ids: Sequence[str], *, parent: InvocationId | None, is_root: bool) -> ResultStream:
        """`parent`: only its children exist for whoever asks; None: all do.

        Raises ServiceIsUnavailable if the process has as many streams as it can serve, CatalogIsAway.
        """
        with ExitStack() as place:
            place.enter_context(self._places.taken(is_root=is_root))
            existing = await self._existing(invocation_ids, parent)
            return ResultStream(self._pages(invocation_ids, existing), form=Form.LINES, place=place.pop_all())

    async def _pages(
        self, invocation_ids: Sequence[str], existing: set[InvocationId]
    ) -> AsyncGenerator[Sequence[ResultLine]]:
        lines = _Lines(invocation_ids)
        yield lines.of_unknown(set(invocation_ids) - existing)
        pending = set(existing)
        clock = asyncio.get_running_loop().time
        async with self._listener.collect(INVOCATIONS_CHANNEL, existing) as arrived:
            reread_at = 0.0
            while pending:
                is_reread = clock() >= reread_at
                looked_at = set(pending) if is_reread else pending & arrived.take()
                try:
                    async for reports in self._settled(looked_at):
                        pending -= {report.invocation_id for report in reports}
                        yield lines.of(reports)
                    if is_reread:
                        reread_at = clock() + self._reread_seconds(len(pending))
                        gone = pending - await self._existing(list(pending), None)  # deleted since
                        pending -= gone
                        yield lines.of_unknown(gone)
                except CatalogIsAway:
                    reread_at = 0.0  # what was notified may be among what was not read
                if not pending or self._is_stopped:
                    return
                yield ()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_INTERVAL.total_seconds()):
                        await arrived.wait()
                await asyncio.sleep(_SHORTEST_INTERVAL.total_seconds())

    def _reread_seconds(self, pending: int) -> float:
        statements = -(-pending // _AT_ONCE) * self._places.count
        return max(_REREAD_INTERVAL.total_seconds(), statements / _REREADS_PER_SECOND)

    async def _settled(self, invocation_ids: set[InvocationId]) -> AsyncIterator[list[InvocationReport]]:
        """A page after the other of those whose outcome is known."""
        ordered = sorted(invocation_ids)
        for start in range(0, len(ordered), _AT_ONCE):
            left = set(ordered[start : start + _AT_ONCE])
            while left:
                async with self._database.statement() as connection:
                    reports = await ResultRepository(connection).settled(left)
                if not reports:
                    break
                left -= {report.invocation_id for report in reports}
                yield reports

    async def _existing(self, invocation_ids: Sequence[str], parent: InvocationId | None) -> set[InvocationId]:
        async with self._database.statement() as connection:
            return await ResultRepository(connection).existing(
                [searchable(invocation_id) for invocation_id in invocation_ids], parent=parent
            )
