"""The results of a batch, in the order in which they came."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from datetime import timedelta

from api.results.streams import Form, Places, ResultStream
from api.schemas.results import ResultLine
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.results import ResultRepository
from control_plane_server.domain.batches import Batch, BatchResult
from control_plane_server.domain.errors import BatchDoesNotExist, CatalogIsAway, OffsetIsInvalid

# Ends are notified. Streams look twice a second all the same, and less often where there are more than 100.
_POLL_INTERVAL = timedelta(seconds=0.5)
_POLLS_PER_SECOND = 200
# Results that come one after the other are read together: the first after a while soon, as somebody may wait for it
# alone, and those behind it less often.
_FIRST_INTERVAL = timedelta(seconds=0.05)
_NEXT_INTERVAL = timedelta(seconds=0.2)
_MANY = 50  # there may be more at once


class BatchResults:
    """The streams of one process. A stream that waits holds no database connection."""

    def __init__(self, database: Database, listener: NotificationListener, places: Places) -> None:
        self._database = database
        self._listener = listener
        self._places = places
        self._is_stopped = False

    @property
    def _poll_seconds(self) -> float:
        return max(_POLL_INTERVAL.total_seconds(), self._places.count / _POLLS_PER_SECOND)

    def stop(self) -> None:
        """End every stream: this process is about to end."""
        self._is_stopped = True
        self._listener.wake_all()

    async def open(self, batch: Batch, *, after: int, form: Form, is_root: bool) -> ResultStream:
        """The results behind this position. The first page is read at once, so that its errors are answered.

        Raises OffsetIsInvalid, BatchDoesNotExist if results were deleted since, ServiceIsUnavailable if the process
        has as many streams as it can serve, CatalogIsAway.
        """
        if not 0 <= after <= batch.size:
            raise OffsetIsInvalid
        with ExitStack() as place:
            place.enter_context(self._places.taken(is_root=is_root))
            first = await self._read(batch, after) if after < batch.size else []
            return ResultStream(self._pages(batch, after, first), form=form, place=place.pop_all())

    async def _pages(
        self, batch: Batch, after: int, results: list[BatchResult]
    ) -> AsyncGenerator[Sequence[ResultLine]]:
        async with self._listener.subscribe((INVOCATIONS_CHANNEL, batch.batch_id)) as changed:
            while True:
                yield [ResultLine.of(one.report, position=one.position, index=one.index) for one in results]
                after += len(results)
                if after >= batch.size or self._is_stopped:
                    return
                if not results:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_seconds):
                            await changed.wait()
                interval = _NEXT_INTERVAL if 0 < len(results) < _MANY else _FIRST_INTERVAL
                await asyncio.sleep(interval.total_seconds())
                changed.clear()
                try:
                    results = await self._read(batch, after)
                except CatalogIsAway:
                    results = []
                except BatchDoesNotExist:  # deleted with its project, or by retention
                    return

    async def _read(self, batch: Batch, after: int) -> list[BatchResult]:
        async with self._database.statement() as connection:
            return await ResultRepository(connection).of_batch(batch.batch_id, after=after)
