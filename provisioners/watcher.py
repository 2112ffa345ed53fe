"""One watcher per process: asks for the state of all containers that somebody waits for, a batch at a time."""

import asyncio
import contextlib
import contextvars
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from domain.containers import ContainerExit
from domain.errors import Misconfigured, Unavailable
from liveness.failures import report_failure

logger = structlog.get_logger(__name__)

Describe = Callable[[frozenset[str]], Awaitable[Mapping[str, ContainerExit]]]

_LONGEST_BACKOFF = timedelta(seconds=10)
# Longer than any provisioner tries.
_LOOK_LIMIT = timedelta(minutes=2)

# Looks between the rounds: the first one within this, then after twice as long each time, for some seconds. All that
# are due at about the same time share a look.
_SOON = timedelta(seconds=0.25)
_NO_LONGER_SOON = timedelta(seconds=4)


class Watcher:
    """Runs only while somebody waits.

    `describe` says of some containers which are gone, and why; it may raise Unavailable or Misconfigured, or not answer
    within `look_limit`, then it is asked again, each time after twice as long. What else it raises is a defect, and is
    raised to whoever waits for the container that it is raised for. `interval` tells from the number of containers how
    long to wait between two rounds, which are looks at all of them.
    """

    def __init__(
        self,
        describe: Describe,
        *,
        interval: Callable[[int], timedelta],
        batch_size: int,
        look_limit: timedelta = _LOOK_LIMIT,
    ) -> None:
        self._describe = describe
        self._interval = interval
        self._batch_size = batch_size
        self._look_limit = look_limit
        self._waiting: dict[str, set[asyncio.Future[ContainerExit]]] = {}
        self._hurried: dict[str, _Hurry] = {}
        self._wake = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    async def wait_for_exit(self, container: str) -> ContainerExit:
        """Wait until the container is gone. Any number may wait for the same one; cancelling ends only this wait.

        Raises what else `describe` raises.
        """
        future: asyncio.Future[ContainerExit] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(container, set()).add(future)
        if self._rounds is None or self._rounds.done():
            # A context of its own: it works for everybody, and not in the name of whoever happens to be the first.
            self._rounds = asyncio.create_task(self._watch(), name="watcher", context=contextvars.Context())
            self._rounds.add_done_callback(self._end)
        else:
            self.check_soon(container)  # it may have ended while nobody waited
        try:
            return await future
        finally:
            self._forget(container, future)

    def check_soon(self, container: str) -> None:
        """Its end is near: look at it before the next round, and again, less and less often."""
        if container in self._waiting:
            self._hurried[container] = _Hurry.after(_SOON.total_seconds())
            self._wake.set()

    def _forget(self, container: str, future: asyncio.Future[ContainerExit]) -> None:
        waiters = self._waiting[container]
        waiters.discard(future)
        if not waiters:
            del self._waiting[container]
            self._hurried.pop(container, None)
        if not self._waiting and self._rounds is not None:
            self._rounds.cancel()
            self._rounds = None

    async def _watch(self) -> None:
        failures = 0
        next_round = time.monotonic()
        while True:
            is_round = time.monotonic() >= next_round
            interval = self._interval(len(self._waiting)).total_seconds()
            containers = list(self._waiting) if is_round else self._due()
            is_seen = await self._look(containers)
            failures = 0 if is_seen else failures + 1
            if failures:
                await asyncio.sleep(min(interval * 2 ** min(failures, 16), _LONGEST_BACKOFF.total_seconds()))
                next_round = time.monotonic()
                continue
            if is_round:
                next_round = time.monotonic() + interval
            self._slow_down(containers, until=min(interval, _NO_LONGER_SOON.total_seconds()))
            await self._pause(until=min([next_round, *(hurry.due for hurry in self._hurried.values())]))

    async def _look(self, containers: Iterable[str]) -> bool:
        """Whether all could be described. Those that can be are, whatever is wrong with others."""
        is_seen = True
        for batch in batches(containers, self._batch_size):
            try:
                await self._look_at(batch)
            except (Unavailable, Misconfigured, TimeoutError) as error:  # whoever must mend it: the containers go on
                is_seen = False
                logger.warning("containers_are_not_described", containers=len(batch), reason=str(error) or "no answer")
                if not isinstance(error, Misconfigured):
                    break
        return is_seen

    async def _look_at(self, batch: list[str]) -> None:
        """Raises Unavailable, Misconfigured, TimeoutError. One that cannot be described leaves the others theirs."""
        try:
            async with asyncio.timeout(self._look_limit.total_seconds()):
                self._announce(await self._describe(frozenset(batch)))
        except (Unavailable, Misconfigured, TimeoutError):
            raise
        except Exception as error:
            if len(batch) == 1:
                self._fail(batch, error)
                return
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                await self._look_at(half)

    def _due(self) -> list[str]:
        now = time.monotonic()
        return [container for container, hurry in self._hurried.items() if now >= hurry.due]

    def _slow_down(self, containers: Iterable[str], *, until: float) -> None:
        """After a look at them."""
        for container in containers:
            hurry = self._hurried.pop(container, None)
            if hurry is not None and 2 * hurry.pause < until:
                self._hurried[container] = _Hurry.after(2 * hurry.pause)

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
        """Whoever still waits when the rounds have ended would wait for ever."""
        if rounds is self._rounds and self._waiting:
            error = None if rounds.cancelled() else rounds.exception()
            self._fail(self._waiting, error if isinstance(error, Exception) else Unavailable("The watcher has ended"))


@dataclass(frozen=True, slots=True)
class _Hurry:
    """The next look at a container, in seconds of the monotonic clock, and how long after the last one that is."""

    due: float
    pause: float

    @classmethod
    def after(cls, pause: float) -> "_Hurry":
        step = _SOON.total_seconds()
        return cls(due=math.ceil((time.monotonic() + pause) / step) * step, pause=pause)


def batches(names: Iterable[str], size: int) -> list[list[str]]:
    every = list(names)
    return [every[start : start + size] for start in range(0, len(every), size)]
