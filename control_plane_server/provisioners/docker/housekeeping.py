"""Kills containers when their grace period is over, and removes old ones.

Every process does so: it is done as long as one process runs, and by the next one that starts.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog

from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.errors import ContainerError
from control_plane_server.liveness.background import in_background
from control_plane_server.liveness.failures import report_failure
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.exits import ended_before
from control_plane_server.provisioners.docker.notes import Notes
from control_plane_server.provisioners.docker.requests import CONTAINER, INSTALLATION

logger = structlog.get_logger(__name__)

Chore = Callable[[], Awaitable[None]]

_INTERVAL = timedelta(seconds=1)
_CHORE_LIMIT = timedelta(minutes=2)
# An engine may hang on one container and answer for all others.
_CALL_LIMIT = timedelta(seconds=10)
_CALLS_AT_ONCE = 10
_ROUNDS_BETWEEN_REMOVALS = 60  # and before the first: a `loop` that starts may still have to look how containers ended


class Housekeeping:
    """Acts on the containers and notes of one installation alone."""

    def __init__(
        self,
        engine: Engine,
        notes: Notes,
        configuration: DockerConfiguration,
        *,
        call_limit: timedelta = _CALL_LIMIT,
    ) -> None:
        """`call_limit`: for the requests about one container."""
        self._call_limit = call_limit
        self._turns = asyncio.Semaphore(_CALLS_AT_ONCE)
        self._engine = engine
        self._notes = notes
        self._label = f"{INSTALLATION}={configuration.installation}"
        self._retention = configuration.retention

    @asynccontextmanager
    async def keep_housekeeping(self) -> AsyncIterator[None]:
        """Run both chores again and again while the context is open."""
        async with in_background("housekeeping", self._run_rounds):
            yield

    async def kill_overdue(self) -> None:
        """SIGKILL to the containers that run though the grace period after their stop is over."""
        running = await self._engine.containers((CONTAINER, self._label), status="running")
        if not running:
            return
        overdue = await self._notes.overdue()
        containers = overdue.intersection(container["Labels"][CONTAINER] for container in running)
        await self._do_all([partial(self._kill, container) for container in containers])

    async def _kill(self, container: str) -> None:
        name = ContainerName.parse(container)
        logger.info("container_outstays_its_grace", execution_id=name and name.execution_id, container=container)
        await self._engine.kill(container, "SIGKILL")

    async def remove_old(self) -> None:
        """Remove what is older than the retention and does not run, logs included."""
        oldest = time.time() - self._retention.total_seconds()
        await self._do_all(
            [
                partial(self._remove_if_expired, container["Id"], oldest)
                for container in await self._engine.containers((self._label,))
                if container["State"] != "running" and container["Created"] < oldest
            ]
        )

    async def _remove_if_expired(self, identifier: str, oldest: float) -> None:
        container = await self._engine.inspect(identifier)
        if container is not None and ended_before(container, oldest):
            await self._engine.remove(identifier)

    async def _run_rounds(self) -> None:
        round_number = 0
        while True:
            await asyncio.sleep(_INTERVAL.total_seconds())
            round_number += 1
            await self._do(self.kill_overdue, limit=_CHORE_LIMIT)
            if round_number % _ROUNDS_BETWEEN_REMOVALS == 0:
                await self._do(self.remove_old, limit=_CHORE_LIMIT)

    async def _do_all(self, chores: Sequence[Chore]) -> None:
        """Chores about one container each: some at once, in random order, so that requests which hang delay no
        container for ever."""
        await asyncio.gather(*(self._do_in_turn(chore) for chore in random.sample(chores, len(chores))))

    async def _do_in_turn(self, chore: Chore) -> None:
        async with self._turns:
            await self._do(chore, limit=self._call_limit)

    async def _do(self, chore: Chore, *, limit: timedelta) -> None:
        """A chore that fails is logged, and keeps no other from being done."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await chore()
        except (ContainerError, TimeoutError) as error:
            logger.warning("housekeeping_waits", reason=str(error) or "no answer")
        except Exception as error:
            report_failure("housekeeping", error)
