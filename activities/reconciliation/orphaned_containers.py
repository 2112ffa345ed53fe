"""Stops containers that no execution needs any more."""

import structlog

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.reconciliation.orphaned_containers import OrphanedContainerRepository
from control_plane_server.domain.containers import ContainerName
from control_plane_server.provisioners.contract import Provisioner
from workflows import policies

logger = structlog.get_logger(__name__)

# Per run: the next one finds what is left.
_MOST = 200


class OrphanedContainers:
    def __init__(self, *, database: Database, provisioner: Provisioner) -> None:
        self._database = database
        self._provisioner = provisioner

    async def stop(self, run: RepairRun) -> None:
        """Stop the containers whose execution has ended or has another container by now.

        Containers whose execution is not in the catalog are left alone: they may belong to another control plane.
        """
        containers = {container.name: container for container in await self._provisioner.list_live_containers()}
        if not containers:
            return
        async with self._database.statement() as connection:
            findings = await OrphanedContainerRepository(connection).classify(
                containers, older_than=policies.CONTAINER_PATIENCE
            )

        async def stop_one(name: ContainerName) -> bool:
            logger.warning("container_is_not_needed", execution_id=name.execution_id, container=str(name))
            await self._provisioner.stop(containers[name])
            return True

        await run.each(findings.unneeded[:_MOST], stop_one)
        if findings.unknown:
            logger.info(
                "containers_are_unknown", containers=len(findings.unknown), one_of_them=str(findings.unknown[0])
            )
