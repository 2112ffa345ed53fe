"""Asks a warm container to end an execution."""

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.reuse import Isolation
from control_plane_server.provisioners.contract import Provisioner


class LeaseStops:
    """May be repeated. Whoever watches the lease stops the container if nothing comes of it."""

    def __init__(self, *, database: Database, provisioner: Provisioner) -> None:
        self._database = database
        self._provisioner = provisioner

    async def ask(self, launch: ContainerName, container: Container, isolation: Isolation) -> None:
        """A container with a process for each execution is told to end that process, and stays. Of one that is itself
        the process nothing can be stopped but all of it. Raises what `Provisioner.stop` raises."""
        async with self._database.statement() as connection:
            is_told = await LeaseRepository(connection).request_stop(launch.execution_id, launch.launch)
        if is_told and isolation is Isolation.PROCESS:
            await self._provisioner.stop(container)
