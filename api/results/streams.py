"""Streams of results: how many a process serves, and how one is written."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from enum import Enum
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.schemas.results import ResultLine
from control_plane_server.domain.errors import ServiceIsUnavailable
from control_plane_server.liveness.failures import report_failure

# Each holds a page of results at times, of up to a megabyte. More are refused, for another process to serve.
_MAX_STREAMS = 500
# Of these, for root keys alone, so that the tokens of executions leave streams for applications and people.
_ROOT_RESERVE = 100
HEARTBEAT_INTERVAL = timedelta(seconds=5)
_RETRY_MILLISECONDS = 1_000
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the latter is for nginx


class Form(Enum):
    """How a stream is written. The value is its media type."""

    LINES = "application/x-ndjson"
    EVENTS = "text/event-stream"

    @classmethod
    def accepted(cls, accept: str | None) -> "Form":
        """Events for those who ask for them by name, lines for all others."""
        return cls.EVENTS if accept is not None and cls.EVENTS.value in accept.lower() else cls.LINES


# The answer of a route that streams results.
RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Results, each a ResultLine, as lines of JSON or as server-sent events (`result`)",
        "content": {form.value: {"schema": {"type": "string"}} for form in Form},
    }
}


class Places:
    """The places for streams of one process."""

    def __init__(self, *, max_streams: int = _MAX_STREAMS, root_reserve: int = _ROOT_RESERVE) -> None:
        self._max_streams = max_streams
        self._root_reserve = root_reserve
        self._count = 0

    @property
    def count(self) -> int:
        """How many there are now."""
        return self._count

    @contextmanager
    def taken(self, *, is_root: bool) -> Iterator[None]:
        """Raises ServiceIsUnavailable if there are as many streams as allowed."""
        if self._count >= self._max_streams - (0 if is_root else self._root_reserve):
            raise ServiceIsUnavailable
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


class ResultStream(StreamingResponse):
    """The answer that sends results as they come. It keeps its place until it has ended."""

    def __init__(self, pages: AsyncGenerator[Sequence[ResultLine]], *, form: Form, place: ExitStack) -> None:
        """`pages`: the results in their order; an empty page says that none came for a while."""
        self.media_type = form.value
        self._chunks = _written(pages, form)
        self._place = place
        super().__init__(self._chunks, headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            async with contextlib.aclosing(self._chunks):  # also if its reader goes away
                await super().__call__(scope, receive, send)


async def _written(pages: AsyncGenerator[Sequence[ResultLine]], form: Form) -> AsyncGenerator[bytes]:
    clock = asyncio.get_running_loop().time
    beat = format_sse_event(retry=_RETRY_MILLISECONDS) if form is Form.EVENTS else b"\n"
    yield beat  # the headers go out with it
    last_sent = clock()
    try:
        async with contextlib.aclosing(pages):  # its subscriptions end with it
            async for page in pages:
                for line in page:
                    yield _line(line, form)
                if page:
                    last_sent = clock()
                elif clock() - last_sent >= HEARTBEAT_INTERVAL.total_seconds():
                    yield KEEPALIVE_COMMENT if form is Form.EVENTS else b"\n"
                    last_sent = clock()
    except Exception as error:  # a defect: it must not be told as an end of the results
        report_failure("result stream", error)
        return


def _line(line: ResultLine, form: Form) -> bytes:
    text = line.model_dump_json()
    if form is Form.EVENTS:
        return format_sse_event(event="result", data_str=text, id=str(line.position))
    return text.encode() + b"\n"
