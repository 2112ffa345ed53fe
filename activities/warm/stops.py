"""Has a warm container end an execution, or ends the container with it.

A platform takes seconds to stop a container. One that lets go of its execution meanwhile must not be given another one,
which would be stopped in its place: so its row is closed first.
"""

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
        if isolation is Isolation.PROCESS:
            await self.end(launch, container, reason="its execution is to stop")
            return
        async with self._database.statement() as connection:
            await LeaseRepository(connection).request_stop(launch.execution_id, launch.launch)

    async def end(self, launch: ContainerName, container: Container, *, reason: str) -> bool:
        """Stop the container that is leased to this launch. False if it has let go of it.

        Raises what `Provisioner.stop` raises. Then whoever watches the lease stops it, or, if nobody does, the
        reconciliation: a repetition by somebody who knows the launch alone does not find it any more.
        """
        async with self._database.statement() as connection:
            leases = LeaseRepository(connection)
            container_id = container.name.warm_container_id
            if container_id is None:  # who stops an invocation knows the launch alone
                leased = await leases.of_launch(launch.execution_id, launch.launch)
                if leased is None:
                    return False
                container_id = leased.container_id
            leased_to = (launch.execution_id, launch.launch)
            if not await leases.give_up(container_id, leased_to=leased_to, reason=reason):
                return False
        await self._provisioner.stop(container)
        return True
