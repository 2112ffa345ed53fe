"""Reads logs for those who follow invocations: no more often than need be, and nobody else waits long because of it."""

import asyncio
from datetime import timedelta

import structlog

from domain.bounds import MAX_LOG_LINES_PER_PAGE
from domain.entities import WorkerDetails
from domain.errors import Misconfigured, Unavailable
from domain.workers import LogPage, LogTiming
from provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

# Of all followers of a process at once: whoever asks for a page by `get_execution_logs` has few before him.
_READS_AT_ONCE = 4
# For a page: where many want theirs, changes of state are not kept waiting for it.
_PATIENCE = timedelta(seconds=2)
_SHORTEST_PAUSE = timedelta(seconds=1)
_PAUSE_GROWTH = 1.5


class LogSource:
    """The logs of a process's workers, shared by its followers."""

    def __init__(self, provisioner: Provisioner) -> None:
        self._provisioner = provisioner
        self._turns = asyncio.Semaphore(_READS_AT_ONCE)

    @property
    def timing(self) -> LogTiming:
        return self._provisioner.log_timing

    async def read(self, worker: WorkerDetails, offset: str | None) -> LogPage | None:
        """None if it cannot be read now. Raises OffsetIsInvalid, Misconfigured."""
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()), self._turns:
                return await self._provisioner.read_logs(worker, offset, MAX_LOG_LINES_PER_PAGE)
        except (TimeoutError, Unavailable):
            return None


class FollowedLog:
    """One follower's view of the source: how soon it reads again."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._pause = _SHORTEST_PAUSE
        self._next_read = 0.0

    async def read(self, worker: WorkerDetails, offset: str | None, *, is_awaited: bool) -> LogPage | None:
        """The page at the offset; None if it cannot be read now, or it is not time yet and nobody waits for it.

        A log that only an operator can make readable is empty. Raises OffsetIsInvalid.
        """
        now = asyncio.get_running_loop().time()
        if not is_awaited and now < self._next_read:
            return None
        try:
            page = await self._source.read(worker, offset)
        except Misconfigured as error:
            logger.error("log_cannot_be_read", reason=str(error))
            page = LogPage(lines=(), next_offset=offset)
        has_lines = page is not None and len(page.lines) > 0
        longest = max(self._source.timing.longest_pause, _SHORTEST_PAUSE)
        self._pause = _SHORTEST_PAUSE if has_lines else min(self._pause * _PAUSE_GROWTH, longest)
        self._next_read = now + self._pause.total_seconds()
        return page
