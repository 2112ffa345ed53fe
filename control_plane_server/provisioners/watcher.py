"""Polls the states of all containers that are waited for, in batches."""

import asyncio
import contextlib
import contextvars
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from control_plane_server.domain.containers import ContainerExit
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.liveness.failures import report_failure

logger = structlog.get_logger(__name__)

Describe = Callable[[frozenset[str]], Awaitable[Mapping[str, ContainerExit]]]

_LONGEST_BACKOFF = timedelta(seconds=10)
# Longer than any provisioner retries a call.
_POLL_LIMIT = timedelta(minutes=2)

# Early polls, between the rounds: the first one within _SOON, then after twice as long each time, until
# _NO_LONGER_SOON. Those that are due at about the same time share a call.
_SOON = timedelta(seconds=0.25)
_NO_LONGER_SOON = timedelta(seconds=4)


class Watcher:
    """Polls containers while any of them is waited for.

    `describe`: returns which of the given containers are gone, and why. If it raises Unavailable or Misconfigured, or
    does not answer within `poll_limit`, it is called again, each time after twice as long. Any other error is a defect,
    and is raised by `wait_for_exit` of the container that causes it. `interval`: the time between two rounds, which
    poll all containers, by their number. `batch_size`: the most containers per call.
    """

    def __init__(
        self,
        describe: Describe,
        *,
        interval: Callable[[int], timedelta],
        batch_size: int,
        poll_limit: timedelta = _POLL_LIMIT,
    ) -> None:
        self._describe = describe
        self._interval = interval
        self._batch_size = batch_size
        self._poll_limit = poll_limit
        self._waiting: dict[str, set[asyncio.Future[ContainerExit]]] = {}
        self._early_polls: dict[str, _EarlyPoll] = {}
        self._wake = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    async def wait_for_exit(self, container: str) -> ContainerExit:
        """Wait until the container is gone. Any number may wait for the same one; cancelling ends only this wait.

        Raises what else `describe` raises.
        """
        future: asyncio.Future[ContainerExit] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(container, set()).add(future)
        if self._rounds is None or self._rounds.done():
            # A context of its own: its log lines must not carry the identifiers of the first caller.
            self._rounds = asyncio.create_task(self._watch(), name="watcher", context=contextvars.Context())
            self._rounds.add_done_callback(self._end)
        else:
            self.check_soon(container)  # it may have ended while nobody waited
        try:
            return await future
        finally:
            self._forget(container, future)

    def check_soon(self, container: str) -> None:
        """Poll the container before the next round, and again, less and less often."""
        if container in self._waiting:
            self._early_polls[container] = _EarlyPoll.after(_SOON.total_seconds())
            self._wake.set()

    def reconsider(self) -> None:
        """The interval has changed: the next round comes that much after the last one."""
        self._wake.set()

    def _forget(self, container: str, future: asyncio.Future[ContainerExit]) -> None:
        waiters = self._waiting[container]
        waiters.discard(future)
        if not waiters:
            del self._waiting[container]
            self._early_polls.pop(container, None)
        if not self._waiting and self._rounds is not None:
            self._rounds.cancel()
            self._rounds = None

    async def _watch(self) -> None:
        failures = 0
        last_round: float | None = None
        while True:
            interval = self._interval(len(self._waiting)).total_seconds()
            is_round = last_round is None or time.monotonic() >= last_round + interval
            containers = list(self._waiting) if is_round else self._due()
            is_described = await self._poll(containers)
            failures = 0 if is_described else failures + 1
            if failures:
                await asyncio.sleep(min(interval * 2 ** min(failures, 16), _LONGEST_BACKOFF.total_seconds()))
                last_round = None
                continue
            if is_round or last_round is None:
                last_round = time.monotonic()
            self._schedule_next_early_polls(containers, until=min(interval, _NO_LONGER_SOON.total_seconds()))
            next_round = last_round + self._interval(len(self._waiting)).total_seconds()
            await self._pause(until=min([next_round, *(early_poll.due for early_poll in self._early_polls.values())]))

    async def _poll(self, containers: Iterable[str]) -> bool:
        """Poll these containers. Returns whether all could be described; a batch that cannot be keeps no other from
        it."""
        is_described = True
        for batch in batches(containers, self._batch_size):
            try:
                await self._poll_batch(batch)
            except (Unavailable, Misconfigured, TimeoutError) as error:  # also Misconfigured: containers run on
                is_described = False
                logger.warning("containers_are_not_described", containers=len(batch), reason=str(error) or "no answer")
                if not isinstance(error, Misconfigured):
                    break
        return is_described

    async def _poll_batch(self, batch: list[str]) -> None:
        """Raises Unavailable, Misconfigured, TimeoutError. A defect in describing one container fails that one
        alone."""
        try:
            async with asyncio.timeout(self._poll_limit.total_seconds()):
                self._announce(await self._describe(frozenset(batch)))
        except (Unavailable, Misconfigured, TimeoutError):
            raise
        except Exception as error:
            if len(batch) == 1:
                self._fail(batch, error)
                return
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                await self._poll_batch(half)

    def _due(self) -> list[str]:
        now = time.monotonic()
        return [container for container, early_poll in self._early_polls.items() if now >= early_poll.due]

    def _schedule_next_early_polls(self, containers: Iterable[str], *, until: float) -> None:
        """After a poll of these containers."""
        for container in containers:
            early_poll = self._early_polls.pop(container, None)
            if early_poll is not None and 2 * early_poll.pause < until:
                self._early_polls[container] = _EarlyPoll.after(2 * early_poll.pause)

    async def _pause(self, *, until: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                await self._wake.wait()
        self._wake.clear()

    def _announce(self, exits: Mapping[str, ContainerExit]) -> None:
        for container, container_exit in exits.items():
            for future in self._waiting.get(container, ()):
                if not future.done():
                    future.set_result(container_exit)

    def _fail(self, containers: Iterable[str], error: Exception) -> None:
        report_failure("watcher", error)
        for container in containers:
            for future in self._waiting.get(container, ()):
                if not future.done():
                    future.set_exception(error)

    def _end(self, rounds: asyncio.Task[None]) -> None:
        """Fail the waits that are left when the rounds have ended, as they would never end."""
        if rounds is self._rounds and self._waiting:
            error = None if rounds.cancelled() else rounds.exception()
            self._fail(self._waiting, error if isinstance(error, Exception) else Unavailable("The watcher has ended"))


@dataclass(frozen=True, slots=True)
class _EarlyPoll:
    """`due`: when to poll a container next, in seconds of the monotonic clock. `pause`: seconds since the last poll."""

    due: float
    pause: float

    @classmethod
    def after(cls, pause: float) -> "_EarlyPoll":
        step = _SOON.total_seconds()
        return cls(due=math.ceil((time.monotonic() + pause) / step) * step, pause=pause)


def batches(names: Iterable[str], size: int) -> list[list[str]]:
    """The names in lists of at most `size`, in their order."""
    every = list(names)
    return [every[start : start + size] for start in range(0, len(every), size)]
