"""What changes on an invocation's page, as server-sent events of HTML: whole parts of the page, and lines of its log.

A connection begins with all parts as they are then, the end of the log included. So a page that has lost its
connection, for whatever time and to whatever process, is right again when it has another one, and keeps no position.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from api.console.invocation_states import InvocationState, read_state, shown
from api.console.live_positions import position_of
from api.console.log_reads import LogPart, read_tail
from api.console.rendering import part
from api.console.views.log_lines import line_of
from api.events.reader import EventBatch
from api.events.streams import KEEPALIVE_INTERVAL, RETRY_MILLISECONDS, EventStream
from api.schemas.events import LogEvent, StateEvent
from api.schemas.workers import WorkerStatus
from api.services import Services
from control_plane_server.domain.errors import CatalogIsAway, InvocationDoesNotExist

# Names of events, and the templates of what they hold.
PARTS = {
    "word": "invocation/word.html",
    "status": "invocation/status.html",
    "attempts": "invocation/attempts.html",
    "outcome": "invocation/outcome.html",
    "children": "invocation/children.html",
}
LOG, LOG_LINES, END = "log", "log_lines", "end"
# Between two renderings of one page, and with many pages open so many renderings a second in all.
_PAUSE = timedelta(seconds=1)
_RENDERINGS_PER_SECOND = 20
# Of what changes without an event: places in queues, children.
_QUIET_PAUSE = timedelta(seconds=5)
# After which the end of the log is sent anew in place of more lines, which bounds the page.
_MOST_LINES = 2_000
# A log that is written faster than it is read is skipped up to its end.
_MOST_BEHIND = 3


async def open_live(services: Services, invocation_id: str) -> EventStream:
    """Raises InvocationDoesNotExist, CatalogIsAway, ServiceIsUnavailable."""
    with ExitStack() as place:
        place.enter_context(services.event_streams.place(is_root=True))
        state = await read_state(services, invocation_id)
        return EventStream(LivePage(services, state).events(), place=place.pop_all())


class LivePage:
    """One open page."""

    def __init__(self, services: Services, state: InvocationState) -> None:
        self._services = services
        self._state = state
        self._sent: dict[str, int] = {}
        self._lines = 0
        self._behind = 0
        self._next_rendering = 0.0
        self._next_look = 0.0

    async def events(self) -> AsyncGenerator[bytes]:
        """Until the invocation has ended, or this process is about to."""
        yield format_sse_event(retry=RETRY_MILLISECONDS)
        while True:
            async with contextlib.aclosing(self._round()) as events:
                async for event in events:
                    yield event
            if self._state.has_ended:
                yield format_sse_event(event=END, data_str=END)
                return
            if self._services.event_streams.is_stopped:
                return
            await asyncio.sleep(_PAUSE.total_seconds())
            if not await self._read():
                return

    async def _round(self) -> AsyncGenerator[bytes]:
        """All as it is, then what is new, until the log is another one or is to be sent anew."""
        for event in self._parts():
            yield event
        log = await read_tail(self._services, self._state.last_execution)
        yield _log(log)
        self._lines = self._behind = 0
        if self._state.has_ended:
            return
        position = position_of(self._state.invocation, log.next_offset)
        clock = asyncio.get_running_loop().time
        last_sent = clock()
        watched = self._services.event_streams.watch(self._state.invocation.invocation_id, position)
        is_stale = False
        async with contextlib.aclosing(watched) as batches:
            with contextlib.suppress(InvocationDoesNotExist, CatalogIsAway):
                async for batch in batches:
                    lines = [item.event for item in batch.events if isinstance(item.event, LogEvent)]
                    if lines:
                        yield _log_lines(lines)
                        last_sent = clock()
                    is_stale |= len(lines) < len(batch.events)
                    if self._is_due(clock(), is_stale) and await self._read():
                        is_stale = False
                        for event in self._parts():
                            yield event
                            last_sent = clock()
                    if clock() - last_sent >= KEEPALIVE_INTERVAL.total_seconds():
                        yield KEEPALIVE_COMMENT
                        last_sent = clock()
                    if self._begins_anew(batch, lines):
                        return

    def _is_due(self, now: float, is_stale: bool) -> bool:
        if now < self._next_rendering:
            return False
        return is_stale or now >= self._next_look

    def _begins_anew(self, batch: EventBatch, lines: Sequence[LogEvent]) -> bool:
        self._lines += len(lines)
        self._behind = self._behind + 1 if batch.is_behind and lines else 0
        has_another_log = any(
            isinstance(item.event, StateEvent) and item.event.worker_status is WorkerStatus.PENDING
            for item in batch.events
        )
        return has_another_log or self._lines >= _MOST_LINES or self._behind >= _MOST_BEHIND

    async def _read(self) -> bool:
        """Whether the state could be read anew."""
        try:
            self._state = await read_state(self._services, self._state.invocation.invocation_id)
        except CatalogIsAway:
            return False
        except InvocationDoesNotExist:  # forgotten, or deleted with its project
            return False
        return True

    def _parts(self) -> Iterator[bytes]:
        """Those that are not as they were sent last."""
        now = asyncio.get_running_loop().time()
        share = self._services.event_streams.count / _RENDERINGS_PER_SECOND
        self._next_rendering = now + max(_PAUSE.total_seconds(), share)
        quiet = _QUIET_PAUSE if self._state.changes_unnoticed else KEEPALIVE_INTERVAL
        self._next_look = now + max(quiet.total_seconds(), share)
        values = shown(self._state)
        for name, template in PARTS.items():
            html = part(template, **values)
            if self._sent.get(name) != hash(html):
                self._sent[name] = hash(html)
                yield format_sse_event(event=name, data_str=html)


def _log(log: LogPart) -> bytes:
    return format_sse_event(event=LOG, data_str=part("invocation/log.html", log=log))


def _log_lines(events: Sequence[LogEvent]) -> bytes:
    lines = [line_of(event.line, event.time_ms, event.stream) for event in events]
    return format_sse_event(event=LOG_LINES, data_str=part("invocation/log_lines.html", lines=lines))
