"""Reads a task's log stream from CloudWatch in pages.

CloudWatch's own tokens expire after 24 hours, so an offset of ours is a time and how many events of that millisecond
have been read: `1700000000000.2`. For an hour the token of the end is kept for its offset: with it one call tells that
there is nothing new, without it two. CloudWatch knows when a line came, and not to which stream it was written.
"""

import re
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiolimiter import AsyncLimiter
from async_lru import alru_cache
from botocore.exceptions import ClientError

from control_plane_server.domain.containers import LogEntry, LogPage, LogStart
from control_plane_server.domain.errors import Misconfigured, OffsetIsInvalid
from control_plane_server.provisioners.ecs.calls import translate_errors

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient
    from types_aiobotocore_logs.type_defs import GetLogEventsRequestTypeDef, GetLogEventsResponseTypeDef

_OFFSET = re.compile(r"([0-9]{1,14})\.([0-9]{1,9})", re.ASCII)
_NO_STREAM = "ResourceNotFoundException"
_MOST_EVENTS_PER_CALL = 10_000
# One event may be a megabyte: a page ends when it holds this much.
_MAX_PAGE_CHARACTERS = 1_000_000
# GetLogEvents is 10 to 25 calls a second for the whole account: readers of the same page within this share it.
_SHARED_SECONDS = 1.0
_SHARED_PAGES = 64
_TOKEN_SECONDS = 3_600.0
_MOST_TOKENS = 4_096


@dataclass(frozen=True, slots=True)
class _Position:
    """The place of the next event. `time`: its earliest time, in milliseconds since 1970. `skip`: how many events of
    that time come before it."""

    time: int
    skip: int

    @classmethod
    def parse(cls, offset: str | None) -> "_Position":
        if offset is None:
            return cls(0, 0)
        found = _OFFSET.fullmatch(offset)
        if found is None:
            raise OffsetIsInvalid
        return cls(int(found[1]), int(found[2]))

    def after(self, time: int) -> "_Position":
        return _Position(time, self.skip + 1 if time == self.time else 1)

    def __str__(self) -> str:
        return f"{self.time}.{self.skip}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """`token`: of the end of a stream, read with this `start`. `noted_at`: in seconds of the monotonic clock."""

    token: str
    start: int
    noted_at: float


class _Ends:
    """Where streams ended when they were last read to their end, the newest of them."""

    def __init__(self) -> None:
        self._ends: OrderedDict[tuple[str, _Position], _End] = OrderedDict()

    def note(self, stream: str, position: _Position, *, token: str, start: int) -> None:
        self._ends[stream, position] = _End(token=token, start=start, noted_at=time.monotonic())
        self._ends.move_to_end((stream, position))
        while len(self._ends) > _MOST_TOKENS:
            self._ends.popitem(last=False)

    def find(self, stream: str, position: _Position) -> _End | None:
        end = self._ends.get((stream, position))
        return end if end is not None and time.monotonic() - end.noted_at < _TOKEN_SECONDS else None

    def forget(self, stream: str, position: _Position) -> None:
        self._ends.pop((stream, position), None)


class LogReader:
    """Reads streams of one log group."""

    def __init__(self, logs: "CloudWatchLogsClient", *, log_group: str) -> None:
        self._logs = logs
        self._log_group = log_group
        self._calls = AsyncLimiter(5, 1)
        self._ends = _Ends()
        self._read_once = alru_cache(maxsize=_SHARED_PAGES, ttl=_SHARED_SECONDS)(self._read)

    async def read(self, stream: str, offset: str | None, max_lines: int, start: LogStart) -> LogPage:
        """At most `max_lines` lines, a million characters. An empty page without an offset if there is no stream yet.
        Raises OffsetIsInvalid, Unavailable, Misconfigured."""
        position = _Position.parse(offset)
        if offset is None and start.since_ms is not None:
            position = _Position(start.since_ms, 0)
        if offset is None and start.tail is not None:
            position = await self._last(stream, position, start.tail)
        return await self._read_once(stream, position, max_lines)

    async def _last(self, stream: str, first: _Position, lines: int) -> _Position:
        """The place of so many lines before the end, but none before `first`. Read from the end on."""
        wanted, token, times = lines, None, Counter[int]()
        while True:
            answer = await self._call(
                stream, start=first.time, limit=min(wanted, _MOST_EVENTS_PER_CALL), token=token, is_forward=False
            )
            if answer is None:
                return first
            found = [event["timestamp"] for event in answer["events"]][-wanted:]
            times.update(found)
            wanted -= len(found)
            if wanted == 0:
                break
            if answer["nextBackwardToken"] == token:
                return first
            token = answer["nextBackwardToken"]
        earliest = min(times)
        # Of the earliest millisecond, events may come before.
        before = await self._count(stream, earliest) - times[earliest]
        return _Position(earliest, max(0, before))

    async def _count(self, stream: str, time: int) -> int:
        """How many events there are of this millisecond."""
        count, token = 0, None
        while True:
            answer = await self._call(stream, start=time, end=time + 1, limit=_MOST_EVENTS_PER_CALL, token=token)
            if answer is None:
                return count
            count += sum(event["timestamp"] == time for event in answer["events"])
            if answer["nextForwardToken"] == token:
                return count
            token = answer["nextForwardToken"]

    async def _read(self, stream: str, position: _Position, max_lines: int) -> LogPage:
        end = self._ends.find(stream, position)
        if end is not None:
            try:
                return await self._read_on(stream, position, max_lines, end)
            except Misconfigured:  # the token is refused, or all is: then so is what follows
                self._ends.forget(stream, position)
        return await self._read_on(stream, position, max_lines, None)

    async def _read_on(self, stream: str, position: _Position, max_lines: int, end: _End | None) -> LogPage:
        """`end`: that of the stream when it was read last, which is at this position."""
        entries: list[LogEntry] = []
        start, skip, characters, token = position.time, position.skip, 0, None
        if end is not None:
            start, skip, token = end.start, 0, end.token
        while True:
            limit = min(skip + max_lines - len(entries), _MOST_EVENTS_PER_CALL)
            answer = await self._call(stream, start=start, limit=limit, token=token)
            if answer is None:
                return LogPage(entries=(), next_offset=None)
            for event in answer["events"]:
                if skip > 0 and event["timestamp"] == start:
                    skip -= 1
                    continue
                skip = 0
                line = event["message"].replace("\0", "")
                entries.append(LogEntry(line=line, time_ms=event["timestamp"]))
                characters += len(line)
                position = position.after(event["timestamp"])
                if len(entries) == max_lines or characters >= _MAX_PAGE_CHARACTERS:
                    return LogPage(entries=tuple(entries), next_offset=str(position))
            # A page may be empty without being the last: the end is where the token does not move.
            if answer["nextForwardToken"] == token:
                self._ends.note(stream, position, token=token, start=start)
                return LogPage(entries=tuple(entries), next_offset=str(position))
            token = answer["nextForwardToken"]

    async def _call(
        self,
        stream: str,
        *,
        start: int,
        limit: int,
        token: str | None,
        end: int | None = None,
        is_forward: bool = True,
    ) -> "GetLogEventsResponseTypeDef | None":
        """None if there is no such stream yet."""
        request: GetLogEventsRequestTypeDef = {
            "logGroupName": self._log_group,
            "logStreamName": stream,
            "startTime": start,
            "startFromHead": is_forward,
            "limit": limit,
        }
        if end is not None:
            request["endTime"] = end
        if token is not None:
            request["nextToken"] = token
        async with self._calls:
            try:
                with translate_errors("logs:GetLogEvents", but=(_NO_STREAM,)):
                    return await self._logs.get_log_events(**request)
            except ClientError:
                return None
