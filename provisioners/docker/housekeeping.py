"""What has to be done on an engine whoever does it: workers killed when their grace period is over, old ones removed.

Every process of ours does it, so it is done as long as one is left, and by the next one that starts.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

import structlog

from domain.errors import WorkerError
from domain.workers import WorkerName
from provisioners.docker.configuration import DockerConfiguration
from provisioners.docker.engine import Engine
from provisioners.docker.exits import ended_before
from provisioners.docker.notes import Notes
from provisioners.docker.requests import INSTALLATION, WORKER

logger = structlog.get_logger(__name__)

_INTERVAL = timedelta(seconds=1)
_ROUNDS_BETWEEN_REMOVALS = 60  # and before the first: a `loop` that starts may still have to look how workers ended


class Housekeeping:
    def __init__(self, engine: Engine, notes: Notes, configuration: DockerConfiguration) -> None:
        self._engine = engine
        self._notes = notes
        self._label = f"{INSTALLATION}={configuration.installation}"
        self._retention = configuration.retention

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """As long as the context is open."""
        task = asyncio.create_task(self._go_on(), name="housekeeping")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def kill_overdue(self) -> None:
        """SIGKILL to the workers that run though the grace period after their stop is over."""
        running = await self._engine.containers((WORKER, self._label), status="running")
        if not running:
            return
        overdue = await self._notes.overdue()
        for worker in overdue.intersection(container["Labels"][WORKER] for container in running):
            name = WorkerName.parse(worker)
            logger.info("worker_outstays_its_grace", execution_id=name and name.execution_id, worker=worker)
            with _of_its_own(worker):
                await self._engine.kill(worker, "SIGKILL")

    async def remove_old(self) -> None:
        """Remove what is older than the retention and does not run, logs included."""
        oldest = time.time() - self._retention.total_seconds()
        for container in await self._engine.containers((self._label,)):
            if container["State"] != "running" and container["Created"] < oldest:
                with _of_its_own(container["Id"]):
                    await self._remove_if_it_ended_long_ago(container["Id"], oldest)

    async def _remove_if_it_ended_long_ago(self, identifier: str, oldest: float) -> None:
        container = await self._engine.inspect(identifier)
        if container is not None and ended_before(container, oldest):
            await self._engine.remove(identifier)

    async def _go_on(self) -> None:
        round_number = 0
        while True:
            await asyncio.sleep(_INTERVAL.total_seconds())
            round_number += 1
            await self._try(self.kill_overdue)
            if round_number % _ROUNDS_BETWEEN_REMOVALS == 0:
                await self._try(self.remove_old)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except WorkerError as error:
            logger.warning("housekeeping_waits", reason=str(error))


@contextmanager
def _of_its_own(container: str) -> Iterator[None]:
    """A fault with one container is no reason to leave the others; the next round tries again."""
    try:
        yield
    except WorkerError as error:
        logger.warning("container_is_left", container=container, reason=str(error))
