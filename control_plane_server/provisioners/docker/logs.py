"""Reads a container's log in pages.

The engine finds log entries by time only. So an offset is the time of an entry, in nanoseconds, and how many bytes on
from its beginning: what an engine returns from that time on is the same each time, with more at the end. Where a log
has become so long that the engine has dropped its beginning, with that entry, what is left is read from its beginning.
"""

import io
import re
from asyncio import IncompleteReadError
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from aiodocker.exceptions import DockerError
from aiodocker.types import JSONValue
from aiohttp import ClientResponse

from control_plane_server.domain.containers import FIRST_LINE, LogEntry, LogPage, LogStart, LogStream
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.provisioners.docker.engine import Engine, translate_connection_errors
from control_plane_server.provisioners.docker.exits import has_ended
from control_plane_server.provisioners.docker.failures import error_of
from control_plane_server.provisioners.log_lines import MAX_PAGE_BYTES, TakenLine, take_lines

_OFFSET = re.compile(r"([0-9]{1,19})-([0-9]{1,15})", re.ASCII)
_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z ")
_HEADER_BYTES = 8
_STDERR = 2
_PIECE_BYTES = 16 * 1024  # the engine cuts longer lines into pieces of this size
# Entries of stdout and stderr may be this much out of order: the next page counts from an entry older than its own.
_DISORDER_NANOSECONDS = 1_000_000_000


class _Entry(NamedTuple):
    nanoseconds: int
    stream: LogStream
    text: bytes


async def read_page(
    engine: Engine, name: str, offset: str | None, *, max_lines: int, start: LogStart = FIRST_LINE
) -> LogPage:
    """Raises OffsetIsInvalid."""
    anchor, skipped = _parsed(offset)
    tail = None
    if offset is None:
        anchor, tail = (start.since_ms or 0) * 1_000_000, start.tail
    container = await engine.inspect(name)
    if container is None:
        return LogPage(entries=(), next_offset=None)
    is_complete = has_ended(container)  # asked before the reading, or its last line might be missed for good
    if tail is None:
        entries, first_byte = await _read(engine, name, anchor=anchor, skipped=skipped, max_lines=max_lines)
    else:
        entries, first_byte = await _read_last(engine, name, since=anchor, tail=tail), 0
    log = io.BytesIO(b"".join(entry.text for entry in entries))
    size = len(log.getbuffer())
    if tail is not None:
        every, _ = take_lines(log, max_lines=size, end=size, is_complete=is_complete)
        first_byte = every[-tail].position if len(every) > tail else 0
    log.seek(first_byte)
    end = min(size, first_byte + MAX_PAGE_BYTES)
    lines, position = take_lines(log, max_lines=max_lines, end=end, is_complete=is_complete)
    return LogPage(
        entries=tuple(_with_its_time(entries, lines)),
        next_offset=_next_offset(entries, position, default=(anchor, skipped)),
    )


async def _read(engine: Engine, name: str, *, anchor: int, skipped: int, max_lines: int) -> tuple[list[_Entry], int]:
    """Entries from the anchor on, as many as a page may need, and where in them it begins."""
    entries: list[_Entry] = []
    first_byte, size, ends = skipped, 0, 0
    async with _opened(engine, name, since=anchor) as response:
        async for entry in _entries(response):
            if not entries and anchor and entry.nanoseconds != anchor:
                first_byte = 0
            entries.append(entry)
            size += len(entry.text)
            if size > first_byte:
                ends += entry.text.endswith(b"\n")
            if ends >= max_lines or size - first_byte >= MAX_PAGE_BYTES:
                break
    if first_byte > size:
        raise OffsetIsInvalid
    return entries, first_byte


async def _read_last(engine: Engine, name: str, *, since: int, tail: int) -> list[_Entry]:
    """So many of the last entries, each at most a line, but no more than a page may hold."""
    entries: deque[_Entry] = deque()
    size = 0
    async with _opened(engine, name, since=since, tail=tail) as response:
        async for entry in _entries(response):
            entries.append(entry)
            size += len(entry.text)
            while size > MAX_PAGE_BYTES:
                size -= len(entries.popleft().text)
    return list(entries)


def _with_its_time(entries: list[_Entry], lines: Sequence[TakenLine]) -> Iterator[LogEntry]:
    starts = list(accumulate((len(entry.text) for entry in entries), initial=0))
    for line in lines:
        entry = entries[bisect_right(starts, line.position) - 1]
        yield LogEntry(line=line.text, time_ms=entry.nanoseconds // 1_000_000, stream=entry.stream)


@asynccontextmanager
async def _opened(engine: Engine, name: str, *, since: int, tail: int | None = None) -> AsyncIterator[ClientResponse]:
    """The engine's answer as it comes: aiodocker's own reader decodes entries, which may end inside a character."""
    seconds, nanoseconds = divmod(since, 1_000_000_000)
    params: dict[str, JSONValue] = {
        "stdout": True,
        "stderr": True,
        "timestamps": True,
        "since": f"{seconds}.{nanoseconds:09}",
        "tail": "all" if tail is None else str(tail),
    }
    try:
        async with (
            translate_connection_errors(),
            engine.docker._query(f"containers/{name}/logs", params=params) as response,
        ):
            try:
                yield response
            finally:
                response.close()  # the rest is not wanted
    except DockerError as error:
        raise error_of(error) from error


async def _entries(response: ClientResponse) -> AsyncIterator[_Entry]:
    """Each comes behind a header, whose first byte says its stream and whose last four how long it is, and begins with
    its time."""
    while True:
        try:
            header = await response.content.readexactly(_HEADER_BYTES)
            entry = await response.content.readexactly(int.from_bytes(header[4:], "big"))
        except IncompleteReadError:
            return
        time = _TIME.match(entry)
        if time is not None:
            seconds = datetime.fromisoformat(f"{time[1].decode()}+00:00").timestamp()
            yield _Entry(
                round(seconds) * 1_000_000_000 + int(time[2]),
                LogStream.STDERR if header[0] == _STDERR else LogStream.STDOUT,
                _with_its_end(entry[time.end() :]),
            )


def _with_its_end(text: bytes) -> bytes:
    """Some engines leave out the end of a line that they have cut: after the last piece, the only shorter one."""
    return text if text.endswith(b"\n") or len(text) >= _PIECE_BYTES else text + b"\n"


def _parsed(offset: str | None) -> tuple[int, int]:
    if offset is None:
        return 0, 0
    found = _OFFSET.fullmatch(offset)
    if found is None:
        raise OffsetIsInvalid
    return int(found[1]), int(found[2])


def _next_offset(entries: list[_Entry], position: int, *, default: tuple[int, int]) -> str:
    """The position in the entries, counted from the beginning of one of them."""
    starts = list(accumulate((len(entry.text) for entry in entries), initial=0))
    read = [(start, entry) for start, entry in zip(starts, entries, strict=False) if start < position]
    if not read:
        return "{}-{}".format(*default)
    newest = max(entry.nanoseconds for _, entry in read)
    start, anchor = next(pair for pair in read if pair[1].nanoseconds >= newest - _DISORDER_NANOSECONDS)
    return f"{anchor.nanoseconds}-{position - start}"
