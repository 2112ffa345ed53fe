"""Limits what the token of one execution takes of a process.

Requests beyond a limit wait, so that code which does not know the limits becomes slower and does not fail. Only streams
and long polls, and requests that would wait for too long, are refused. Root keys have no such limits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from control_plane_server.domain.errors import TooManyPolls, TooManyRequests, TooManyStreams


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLimits:
    """Of one execution in one process. A request is under way until its answer has been read."""

    requests_at_once: int = 4
    requests_in_line: int = 1_000
    # In that line. Long, as each submit takes two seconds while Temporal is away, and published clients do not retry.
    longest_wait: timedelta = timedelta(seconds=120)
    streams: int = 32
    polls: int = 500
    body_bytes_per_second: float = 4 * 1024 * 1024
    body_burst_seconds: float = 4.0
    # A report of progress costs one update of a row, and its text once more in the database's log.
    reports_per_second: float = 10.0
    report_bytes_per_second: float = 512 * 1024
    report_burst_seconds: float = 4.0


class Pace:
    """A token bucket whose tokens are seconds: one is added each second, up to `burst_seconds`."""

    def __init__(self, burst_seconds: float) -> None:
        self._burst = burst_seconds
        self._spent_until = 0.0

    @property
    def is_full(self) -> bool:
        return self._spent_until <= _now()

    @property
    def full_at(self) -> float:
        """When the bucket will be full again, in seconds of the event loop's clock."""
        return self._spent_until

    async def spend(self, seconds: float) -> None:
        """Take this many seconds, and wait until the bucket has them. Calls are served in their order."""
        self._spent_until = max(self._spent_until, _now()) + seconds
        wait = self._spent_until - self._burst - _now()
        if wait > 0:
            await asyncio.sleep(wait)


class Share:
    """What one execution uses now."""

    def __init__(self, limits: ShareLimits) -> None:
        self.limits = limits
        self.requests = 0
        self.streams = 0
        self.polls = 0
        self.bodies = Pace(limits.body_burst_seconds)
        self.reports = Pace(limits.report_burst_seconds)
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def is_idle(self) -> bool:
        in_use = self.requests or self.streams or self.polls or self._line
        return not in_use and self.bodies.is_full and self.reports.is_full

    @property
    def full_at(self) -> float:
        return max(self.bodies.full_at, self.reports.full_at)

    async def take_request(self) -> None:
        """Wait until a request may begin, first come, first served. Raises TooManyRequests if too many wait, or for too
        long."""
        if self.requests < self.limits.requests_at_once and not self._line:
            self.requests += 1
            return
        if len(self._line) >= self.limits.requests_in_line:
            raise TooManyRequests
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self.limits.longest_wait.total_seconds()):
                await turn  # `give_request_back` of another request hands its place on
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_request_back()
            elif turn in self._line:
                self._line.remove(turn)
            if isinstance(error, TimeoutError):
                raise TooManyRequests from None
            raise

    def give_request_back(self) -> None:
        """End a request: the longest waiting one takes its place."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.requests -= 1


class Turn:
    """One request of an execution: what it takes of the share, which `end` gives back."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._has_request = False
        self._has_stream = False

    async def begin(self) -> None:
        """Raises TooManyRequests."""
        await self._share.take_request()
        self._has_request = True

    def end(self) -> None:
        """Give everything back. May be called again."""
        if self._has_request:
            self._has_request = False
            self._share.give_request_back()
        if self._has_stream:
            self._has_stream = False
            self._share.streams -= 1

    def become_stream(self) -> None:
        """From now on the request counts as a stream. Raises TooManyStreams."""
        if self._share.streams >= self._share.limits.streams:
            raise TooManyStreams
        self.end()
        self._share.streams += 1
        self._has_stream = True

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Within, it counts as a long poll. Raises TooManyPolls."""
        share = self._share
        if share.polls >= share.limits.polls:
            raise TooManyPolls
        self.end()
        share.polls += 1
        try:
            yield
            await share.take_request()
            self._has_request = True
        finally:
            share.polls -= 1

    async def pace_body(self, size: int) -> None:
        """Wait until a body of this size, in bytes, may be read."""
        await self._share.bodies.spend(size / self._share.limits.body_bytes_per_second)

    async def pace_report(self, size: int) -> None:
        """Wait until a report of progress of this size, in bytes, may be written."""
        limits = self._share.limits
        await self._share.reports.spend(max(1 / limits.reports_per_second, size / limits.report_bytes_per_second))


class Shares:
    """The shares of all executions with requests now or a moment ago. A full, unused share is dropped."""

    def __init__(self, limits: ShareLimits = ShareLimits()) -> None:
        self._limits = limits
        self._shares: dict[str, Share] = {}

    def __len__(self) -> int:
        return len(self._shares)

    @asynccontextmanager
    async def turn(self, holder: str) -> AsyncIterator[Turn]:
        """The turn of one request of this holder of a token, from before its body is read until its answer has been
        read. Raises TooManyRequests."""
        share = self._shares.get(holder)
        if share is None:
            share = self._shares[holder] = Share(self._limits)
        turn = Turn(share)
        try:
            await turn.begin()
            yield turn
        finally:
            turn.end()
            self._forget(holder, share)

    def _forget(self, holder: str, share: Share) -> None:
        if share.is_idle:
            self._shares.pop(holder, None)
        elif not share.requests:
            asyncio.get_running_loop().call_at(share.full_at, self._forget_full, holder, share)

    def _forget_full(self, holder: str, share: Share) -> None:
        if share.is_idle and self._shares.get(holder) is share:
            del self._shares[holder]


def _now() -> float:
    return asyncio.get_running_loop().time()
