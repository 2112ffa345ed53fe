"""Streams of events: polls an invocation until its end, or until the client disconnects."""

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
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocation_snapshots import InvocationSnapshotRepository
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.paths import InvocationPath
from control_plane_server.domain.errors import CatalogIsAway, InvocationDoesNotExist, ServiceIsUnavailable
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.liveness.failures import report_failure
from control_plane_server.provisioners.contract import Provisioner

# Outcomes and ends are notified. All else is polled: twice a second, and less often where there are many streams.
_POLL_INTERVAL = timedelta(seconds=0.5)
_POLLS_PER_SECOND = 200
# Each takes some 100 kB and a file descriptor. More than these are refused, for another process to serve.
_MAX_STREAMS = 2_000
# Of these, for root keys alone, so that the tokens of executions leave streams for people and dashboards.
_ROOT_RESERVE = 500
# Proxies close connections on which nothing has come for some time, often a minute.
KEEPALIVE_INTERVAL = timedelta(seconds=15)
# How soon a browser connects again when its stream ended before the invocation did.
RETRY_MILLISECONDS = 1_000
_LOG_PATIENCE = LogPatience()
_NAMES: dict[type[Event], str] = {
    StateEvent: "state",
    ProgressEvent: "progress",
    LogEvent: "log",
    EndEvent: "end",
}
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the latter is for nginx


class EventStreams:
    """The streams of one process. A stream that waits holds no database connection."""

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
    def count(self) -> int:
        """How many there are now."""
        return self._count

    @property
    def is_stopped(self) -> bool:
        """Whether this process is about to end."""
        return self._is_stopped

    @property
    def _poll_seconds(self) -> float:
        return max(_POLL_INTERVAL.total_seconds(), self._count / _POLLS_PER_SECOND)

    def stop(self) -> None:
        """End every stream: this process is about to end. Clients connect to another one."""
        self._is_stopped = True
        self._listener.wake_all()

    async def open(
        self, path: InvocationPath, *, cursor: str | None, with_logs: bool, is_root: bool
    ) -> "EventStream | None":
        """The events behind this cursor; None: all. Returns None if no event can follow.

        The first poll is made at once, so that its errors are raised and do not end a stream that has begun.

        Raises the NotFound of the outermost part of the path that is missing; OffsetIsInvalid, CatalogIsAway,
        ServiceIsUnavailable if the process has as many streams as it can serve, or as it serves to executions. It
        counts from here on, not from when it is first read: many may be opened at once.
        """
        with ExitStack() as place:
            place.enter_context(self.place(is_root=is_root))
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

    async def watch(self, invocation_id: InvocationId, position: Position) -> AsyncGenerator[EventBatch]:
        """What comes behind the position, at each poll, until the end, logs included: for who shows the events in a
        form of its own, within a `place`. Empty batches too. The generator is to be closed.

        Raises InvocationDoesNotExist, CatalogIsAway, OffsetIsInvalid before it yields anything.
        """
        reader = EventReader(self._database, self._logs, invocation_id=invocation_id, position=position)
        try:
            async with contextlib.aclosing(self._batches(invocation_id, reader, await reader.poll())) as batches:
                async for batch in batches:
                    yield batch
        finally:
            reader.close()

    async def _stream(
        self, invocation_id: InvocationId, reader: EventReader, batch: EventBatch
    ) -> AsyncGenerator[bytes]:
        clock = asyncio.get_running_loop().time
        yield format_sse_event(retry=RETRY_MILLISECONDS)
        last_sent = clock()
        async with contextlib.aclosing(self._batches(invocation_id, reader, batch)) as batches:
            async for polled in batches:
                for event in polled.events:
                    yield _encoded(event, invocation_id)
                    last_sent = clock()
                if clock() - last_sent >= KEEPALIVE_INTERVAL.total_seconds():
                    yield KEEPALIVE_COMMENT
                    last_sent = clock()

    async def _batches(
        self, invocation_id: InvocationId, reader: EventReader, batch: EventBatch
    ) -> AsyncGenerator[EventBatch]:
        """This one, and what each further poll finds."""
        async with self._listener.subscribe((INVOCATIONS_CHANNEL, invocation_id)) as changed:
            while True:
                yield batch
                if reader.is_over or self._is_stopped:
                    return
                if not batch.is_behind:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_seconds):
                            await changed.wait()
                changed.clear()
                try:
                    batch = await reader.poll()
                except CatalogIsAway:
                    batch = EventBatch(events=(), is_behind=False)
                except InvocationDoesNotExist:  # forgotten, or deleted with its project
                    return
                except Exception as error:  # a defect: the client connects again, and goes on at its last event
                    report_failure("event stream", error)
                    return

    @contextmanager
    def place(self, *, is_root: bool) -> Iterator[None]:
        """Counts a stream within the context. Raises ServiceIsUnavailable if there are as many as allowed."""
        if self._count >= self._max_streams - (0 if is_root else self._root_reserve):
            raise ServiceIsUnavailable
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class EventStream(StreamingResponse):
    """The answer that sends a stream. It counts as one of the served streams until it has ended."""

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
