"""Ends the warm containers of a project that is being deleted."""

import structlog

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers.containers import WarmContainer
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.containers import Container
from control_plane_server.domain.errors import ContainerError
from control_plane_server.domain.messages import DeletionRequest
from control_plane_server.liveness.progress import note_progress
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.provisioners.live_containers import every_live_container

logger = structlog.get_logger(__name__)


class ProjectEnd:
    """Of a project that is closed: it gets no further container but for executions that run. May be repeated."""

    def __init__(self, *, database: Database, provisioner: Provisioner) -> None:
        self._database = database
        self._provisioner = provisioner

    async def end_containers(self, request: DeletionRequest, *, nothing_runs: bool) -> int:
        """Close and stop those that run no execution; if `nothing_runs` any more, all. Until then one that was closed
        before may be stopping with its execution. Returns how many are still there.

        A container that cannot be stopped keeps no other from it. Raises the first ContainerError, at the end.
        """
        found = await self._all(request)
        if not found:
            return 0
        closed_now = [
            warm.name
            for warm in found
            if warm.state is not State.CLOSED and await self._close(warm, is_gone=nothing_runs)
        ]
        left = {warm.name: warm for warm in await self._all(request)}
        faults: list[ContainerError] = []
        there = 0
        for container in await every_live_container(self._provisioner):
            if container.name in left:
                there += 1
                is_closed = left[container.name].state is State.CLOSED
                if container.name in closed_now or (nothing_runs and is_closed):
                    await self._stop(container, faults)
        if faults:
            raise faults[0]
        return there

    async def forget_containers(self, request: DeletionRequest) -> None:
        """Remove what is left of those that are closed, logs included, and their rows."""
        closed = [warm for warm in await self._all(request) if warm.state is State.CLOSED]
        if not closed:
            return
        await self._provisioner.forget([warm.name for warm in closed])  # first: afterwards nobody knows their names
        async with self._database.transaction() as connection:
            await UpkeepRepository(connection).forget([warm.container_id for warm in closed])

    async def _all(self, request: DeletionRequest) -> tuple[WarmContainer, ...]:
        async with self._database.transaction() as connection:
            return await UpkeepRepository(connection).of_project(
                request.project_name, creation_time=request.creation_time
            )

    async def _close(self, warm: WarmContainer, *, is_gone: bool) -> bool:
        async with self._database.statement() as connection:
            return await LeaseRepository(connection).close(
                warm.container_id, reason="the project is being deleted", is_gone=is_gone
            )

    async def _stop(self, container: Container, faults: list[ContainerError]) -> None:
        try:
            await self._provisioner.stop(container)
        except ContainerError as error:
            logger.warning("warm_container_is_not_stopped", container=str(container.name), reason=str(error))
            faults.append(error)
        note_progress()
