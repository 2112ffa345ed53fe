"""One watcher per process: asks for the state of all workers that somebody waits for, a batch at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta

import structlog

from domain.errors import Unavailable
from domain.workers import WorkerExit

logger = structlog.get_logger(__name__)

Describe = Callable[[frozenset[str]], Awaitable[Mapping[str, WorkerExit]]]

_LONGEST_BACKOFF = timedelta(seconds=10)


class Watcher:
    """Runs only while somebody waits.

    `describe` says of some workers which are gone, and why; it may raise Unavailable, then it is asked again, each time
    after twice as long. `interval` tells from the number of workers how long to wait between two rounds.
    """

    def __init__(self, describe: Describe, *, interval: Callable[[int], timedelta], batch_size: int) -> None:
        self._describe = describe
        self._interval = interval
        self._batch_size = batch_size
        self._waiting: dict[str, set[asyncio.Future[WorkerExit]]] = {}
        self._rounds: asyncio.Task[None] | None = None

    async def stopped(self, worker: str) -> WorkerExit:
        """Wait until the worker is gone. Any number may wait for the same one; cancelling ends only this wait.

        Raises what `describe` raises, except Unavailable.
        """
        future: asyncio.Future[WorkerExit] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(worker, set()).add(future)
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._watch(), name="watcher")
        try:
            return await future
        finally:
            self._forget(worker, future)

    def _forget(self, worker: str, future: asyncio.Future[WorkerExit]) -> None:
        waiters = self._waiting[worker]
        waiters.discard(future)
        if not waiters:
            del self._waiting[worker]
        if not self._waiting and self._rounds is not None:
            self._rounds.cancel()
            self._rounds = None

    async def _watch(self) -> None:
        failures = 0
        while True:
            try:
                for batch in _batches(self._waiting, self._batch_size):
                    self._announce(await self._describe(batch))
                failures = 0
            except Unavailable as error:
                failures += 1
                logger.warning("workers_are_not_described", workers=len(self._waiting), reason=str(error))
            except Exception as error:  # a defect: everyone who waits is told, instead of waiting for ever
                self._fail(error)
                return
            interval = self._interval(len(self._waiting))
            pause = interval if failures == 0 else min(interval * 2 ** min(failures, 16), _LONGEST_BACKOFF)
            await asyncio.sleep(pause.total_seconds())

    def _announce(self, exits: Mapping[str, WorkerExit]) -> None:
        for worker, worker_exit in exits.items():
            for future in self._waiting.get(worker, ()):
                if not future.done():
                    future.set_result(worker_exit)

    def _fail(self, error: Exception) -> None:
        for future in {future for futures in self._waiting.values() for future in futures}:
            if not future.done():
                future.set_exception(error)


def _batches(workers: Iterable[str], size: int) -> list[frozenset[str]]:
    names = list(workers)
    return [frozenset(names[start : start + size]) for start in range(0, len(names), size)]
