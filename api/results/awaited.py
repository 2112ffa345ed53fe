"""The results of invocations that somebody names, as their outcomes become known."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import timedelta

from api.results.streams import Form, Places, ResultStream
from api.schemas.results import ResultLine
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.results import ResultRepository
from control_plane_server.domain.batches import InvocationReport
from control_plane_server.domain.identifiers import InvocationId

# A notification may be lost with its connection: then a result comes this much later at most.
_REREAD_INTERVAL = timedelta(seconds=5)
_POLL_INTERVAL = timedelta(seconds=0.5)
# Results that come one after the other are read together.
_SHORTEST_INTERVAL = timedelta(seconds=0.05)
# Read by one statement.
_AT_ONCE = 1_000


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
    ) -> AsyncIterator[Sequence[ResultLine]]:
        places: defaultdict[str, list[int]] = defaultdict(list)  # one that is named twice has two lines
        for index, invocation_id in enumerate(invocation_ids):
            places[invocation_id].append(index)
        position = 0
        unknown = []
        for invocation_id, indexes in places.items():
            for index in indexes if invocation_id not in existing else ():
                position += 1
                unknown.append(ResultLine.of_unknown(invocation_id, position=position, index=index))
        yield unknown
        pending = set(existing)
        clock = asyncio.get_running_loop().time
        async with self._listener.collect(INVOCATIONS_CHANNEL, existing) as arrived:
            reread_at = 0.0
            while pending:
                if clock() >= reread_at:
                    looked_at = set(pending)
                    reread_at = clock() + _REREAD_INTERVAL.total_seconds()
                else:
                    looked_at = pending & arrived.take()
                async for reports in self._settled(looked_at):
                    lines = []
                    for report in reports:
                        pending.discard(report.invocation_id)
                        for index in places[report.invocation_id]:
                            position += 1
                            lines.append(ResultLine.of(report, position=position, index=index))
                    yield lines
                if not pending or self._is_stopped:
                    return
                yield ()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_INTERVAL.total_seconds()):
                        await arrived.wait()
                await asyncio.sleep(_SHORTEST_INTERVAL.total_seconds())

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
