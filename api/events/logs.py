"""Reads logs for event streams, rarely enough that other readers of logs do not wait long."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from control_plane_server.domain.bounds import MAX_LOG_LINES_PER_PAGE
from control_plane_server.domain.containers import LogPage, LogTiming
from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.errors import Misconfigured, OffsetIsInvalid, Unavailable
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.provisioners.marked_logs import MarkedPart, read_part

logger = structlog.get_logger(__name__)

# At once, of all streams of a process, so that `get_execution_logs` waits for few reads.
_READS_AT_ONCE = 4
_LONGEST_READ = timedelta(seconds=20)
_SHORTEST_PAUSE = timedelta(seconds=0.4)
_PAUSE_GROWTH = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPatience:
    """`of_poll`: how long a poll waits for a page; changes of state are not delayed for longer. `of_stream`: how long a
    stream waits for a log that has to be sent to its end and cannot be read; then it goes on without the rest."""

    of_poll: timedelta = timedelta(seconds=2)
    of_stream: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """`age`: how long before this poll the read of the page began."""

    page: LogPage
    age: timedelta


class LogSource:
    """Reads logs for all event streams of a process, some at once."""

    def __init__(self, provisioner: Provisioner, *, patience: LogPatience) -> None:
        self._provisioner = provisioner
        self._turns = asyncio.Semaphore(_READS_AT_ONCE)
        self.patience = patience

    @property
    def timing(self) -> LogTiming:
        return self._provisioner.log_timing

    def begin(
        self, container: ContainerDetails, part: MarkedPart | None, offset: str | None
    ) -> "asyncio.Task[LogPage | None]":
        """Begin to read a page, of a part or of the whole log. The task returns None if the page cannot be read now,
        and an empty page if only an operator can make the log readable; it raises OffsetIsInvalid. It runs on though
        its caller does not wait for it."""
        reading = asyncio.create_task(self._read(container, part, offset), name="page of a log")
        reading.add_done_callback(_log_failure)
        return reading

    async def _read(self, container: ContainerDetails, part: MarkedPart | None, offset: str | None) -> LogPage | None:
        try:
            async with asyncio.timeout(_LONGEST_READ.total_seconds()), self._turns:
                if part is None:
                    return await self._provisioner.read_logs(container, offset, MAX_LOG_LINES_PER_PAGE)
                return await read_part(self._provisioner, container, part, offset, MAX_LOG_LINES_PER_PAGE)
        except (TimeoutError, Unavailable):
            return None
        except Misconfigured as error:
            logger.error("log_cannot_be_read", reason=str(error))
            return LogPage(entries=(), next_offset=offset)


class LogTail:
    """One stream's reads of a log: when it reads next, and which read is under way."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._pause = _SHORTEST_PAUSE
        self._next_read = 0.0
        self._reading: _Reading | None = None
        self._missed_since: float | None = None

    @property
    def is_given_up(self) -> bool:
        """Whether the log was awaited and could not be read for longer than `LogPatience.of_stream`."""
        patience = self._source.patience.of_stream.total_seconds()
        return self._missed_since is not None and _now() - self._missed_since >= patience

    async def read(
        self, container: ContainerDetails, part: MarkedPart | None, offset: str | None, *, is_awaited: bool
    ) -> LogRead | None:
        """The page at the offset, of a part or of the whole log; None if it cannot be read now, or it is not time yet
        and nobody waits for it.

        A read that takes longer than a poll waits goes on, and a later poll gets its page. Raises OffsetIsInvalid.
        """
        now = _now()
        place = (container.logs_identifier, part, offset)
        if self._reading is not None and self._reading.place != place:
            self.close()
        if self._reading is None:
            if not is_awaited and now < self._next_read:
                return None
            self._reading = _Reading(place=place, began=now, task=self._source.begin(container, part, offset))
        reading = self._reading
        await asyncio.wait([reading.task], timeout=self._source.patience.of_poll.total_seconds())
        page = None
        if reading.task.done():
            self._reading = None
            page = reading.task.result()
            self._note_pause(page)
        if page is not None:
            self._missed_since = None
            return LogRead(page=page, age=timedelta(seconds=now - reading.began))
        if is_awaited and self._missed_since is None:
            self._missed_since = now
        return None

    def close(self) -> None:
        """Cancel the read that is under way."""
        if self._reading is not None:
            self._reading.task.cancel()
            self._reading = None

    def _note_pause(self, page: LogPage | None) -> None:
        has_lines = page is not None and len(page.entries) > 0
        longest = max(self._source.timing.longest_pause, _SHORTEST_PAUSE)
        self._pause = _SHORTEST_PAUSE if has_lines else min(self._pause * _PAUSE_GROWTH, longest)
        self._next_read = _now() + self._pause.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    place: tuple[str, MarkedPart | None, str | None]
    began: float
    task: "asyncio.Task[LogPage | None]"


def _log_failure(reading: "asyncio.Task[LogPage | None]") -> None:
    """Log the failure of a read, as its stream may have ended, so that nothing else receives it."""
    error = None if reading.cancelled() else reading.exception()
    if error is not None and not isinstance(error, OffsetIsInvalid):
        logger.error("page_of_log_failed", reason=repr(error))


def _now() -> float:
    return asyncio.get_running_loop().time()
