"""Streams of events: one look after the other, for as long as the invocation lives and somebody reads."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.events.logs import LogPatience, LogSource
from api.events.positions import Position
from api.events.reader import EventBatch, EventReader
from api.events.sequence import Event, StreamedEvent
from api.schemas.events import EndEvent, LogEvent, ProgressEvent, StateEvent
from catalog.database import Database
from catalog.invocation_snapshots import InvocationSnapshotRepository
from catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from catalog.paths import InvocationPath
from domain.errors import CatalogIsAway, InvocationDoesNotExist, ServiceIsUnavailable
from domain.identifiers import InvocationId
from liveness.failures import report_failure
from provisioners.contract import Provisioner

# Outcomes and ends are notified, all else is seen by looking: once a second, and less often where there are many.
_LOOK_INTERVAL = timedelta(seconds=1)
_LOOKS_PER_SECOND = 200
# Each takes some 100 kB, and a file descriptor of the usual 1,024 or more. The next one belongs to another process.
_MAX_STREAMS = 2_000
# The last ones are for root keys: the tokens of executions, however many, leave people and dashboards theirs.
_ROOT_RESERVE = 500
# Proxies close connections on which nothing has come for some time, often a minute.
_KEEPALIVE_INTERVAL = timedelta(seconds=15)
# How soon a browser connects again when its stream ended before the invocation did.
_RETRY_MILLISECONDS = 1_000
_LOG_PATIENCE = LogPatience()
_NAMES: dict[type[Event], str] = {
    StateEvent: "state",
    ProgressEvent: "progress",
    LogEvent: "log",
    EndEvent: "end",
}
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the latter is for nginx


class EventStreams:
    """The streams of one process. Nobody who waits holds a database connection."""

    def __init__(
        self,
        database: Database,
        listener: NotificationListener,
        provisioner: Provisioner,
        *,
        max_streams: int = _MAX_STREAMS,
        root_reserve: int = _ROOT_RESERVE,
        log_patience: LogPatience = _LOG_PATIENCE,
    ) -> None:
        self._max_streams = max_streams
        self._root_reserve = root_reserve
        self._database = database
        self._listener = listener
        self._logs = LogSource(provisioner, patience=log_patience)
        self._count = 0
        self._is_stopped = False

    @property
    def _look_seconds(self) -> float:
        return max(_LOOK_INTERVAL.total_seconds(), self._count / _LOOKS_PER_SECOND)

    def stop(self) -> None:
        """End every stream: this process is about to end. Readers go on elsewhere."""
        self._is_stopped = True
        self._listener.wake_all()

    async def open(
        self, path: InvocationPath, *, cursor: str | None, with_logs: bool, is_root: bool
    ) -> "EventStream | None":
        """The events after this cursor, all without one. None if there are none to come.

        The first look is taken at once, so that what is wrong is an error and not the end of a stream.

        Raises the NotFound of the outermost part of the path that is missing; OffsetIsInvalid, CatalogIsAway,
        ServiceIsUnavailable if the process has as many streams as it can serve, or as it serves to executions. It
        counts from here on, not from when it is first read: many may be opened at once.
        """
        with ExitStack() as place:
            place.enter_context(self._counted(is_root=is_root))
            async with self._database.statement() as connection:
                invocation_id = await InvocationSnapshotRepository(connection).find(path)
            position = Position() if cursor is None else Position.parse(cursor, invocation_id)
            reader = EventReader(
                self._database, self._logs if with_logs else None, invocation_id=invocation_id, position=position
            )
            if reader.is_over:
                return None
            place.callback(reader.close)
            batch = await reader.poll()
            return EventStream(self._stream(invocation_id, reader, batch), place=place.pop_all())

    async def _stream(
        self, invocation_id: InvocationId, reader: EventReader, batch: EventBatch
    ) -> AsyncGenerator[bytes]:
        clock = asyncio.get_running_loop().time
        last_sent = clock()
        async with self._listener.subscribe((INVOCATIONS_CHANNEL, invocation_id)) as changed:
            yield format_sse_event(retry=_RETRY_MILLISECONDS)
            while True:
                for event in batch.events:
                    yield _encoded(event, invocation_id)
                    last_sent = clock()
                if reader.is_over or self._is_stopped:
                    return
                if not batch.is_behind:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._look_seconds):
                            await changed.wait()
                changed.clear()
                if clock() - last_sent >= _KEEPALIVE_INTERVAL.total_seconds():
                    yield KEEPALIVE_COMMENT
                    last_sent = clock()
                try:
                    batch = await reader.poll()
                except CatalogIsAway:
                    batch = EventBatch(events=(), is_behind=False)
                except InvocationDoesNotExist:  # forgotten, or deleted with its project
                    return
                except Exception as error:  # a defect: its reader comes again, and goes on where this one was
                    report_failure("event stream", error)
                    return

    @contextmanager
    def _counted(self, *, is_root: bool) -> Iterator[None]:
        """Within, the stream is one of those that are served. Raises ServiceIsUnavailable if there must be no more."""
        if self._count >= self._max_streams - (0 if is_root else self._root_reserve):
            raise ServiceIsUnavailable
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class EventStream(StreamingResponse):
    """Has its place among the streams that are served until it was sent."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes], *, place: ExitStack) -> None:
        super().__init__(chunks, headers=_HEADERS)
        self._chunks = chunks
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            async with contextlib.aclosing(self._chunks):  # also if its reader goes away
                await super().__call__(scope, receive, send)


def _encoded(streamed: StreamedEvent, invocation_id: InvocationId) -> bytes:
    return format_sse_event(
        event=_NAMES[type(streamed.event)],
        data_str=streamed.event.model_dump_json(),
        id=streamed.position.to_cursor(invocation_id),
    )
