"""Stops containers that no execution needs any more."""

from datetime import timedelta

import structlog

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.reconciliation.orphaned_containers import OrphanedContainerRepository
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.containers import Container, ContainerName, LivePage
from control_plane_server.domain.errors import Misconfigured
from control_plane_server.provisioners.contract import Provisioner
from workflows import policies

logger = structlog.get_logger(__name__)

# Per run: the next one goes on where this one ended. On ECS a page is a hundred tasks and two calls, of five a second
# that watches of running tasks need, too.
_MOST_PAGES = 20
_MOST_STOPS = 200


class OrphanedContainers:
    """Remembers from run to run where to go on; whichever process has a run goes on where its own last one ended."""

    def __init__(self, *, database: Database, provisioner: Provisioner, grace: timedelta) -> None:
        """`grace`: how long a container may take to stop."""
        self._database = database
        self._provisioner = provisioner
        self._grace = grace
        self._next_page: str | None = None

    async def stop(self, run: RepairRun) -> None:
        """Stop the containers whose execution has ended or has another container by now, and warm ones that were
        closed and have not ended, among some pages of those that run.

        Containers whose execution is not in the catalog are left alone: they may belong to another control plane.
        """
        stops = 0
        for _ in range(_MOST_PAGES):
            page = await self._page()
            stops += await self._stop_unneeded(page.containers, run)
            self._next_page = page.next_page
            if page.next_page is None or stops >= _MOST_STOPS:
                return

    async def _page(self) -> LivePage:
        try:
            return await self._provisioner.list_live_containers(self._next_page)
        except Misconfigured:  # it may be the page, which is not known for ever
            self._next_page = None
            raise

    async def _stop_unneeded(self, running: tuple[Container, ...], run: RepairRun) -> int:
        """How many were to be stopped."""
        if not running:
            return 0
        containers = {container.name: container for container in running}
        warm = {name.warm_container_id: name for name in containers if name.warm_container_id is not None}
        one_shot = [name for name in containers if name.warm_container_id is None]
        async with self._database.statement() as connection:
            findings = await OrphanedContainerRepository(connection).classify(
                one_shot, older_than=policies.CONTAINER_PATIENCE
            )
        unneeded, unknown = list(findings.unneeded), list(findings.unknown)
        if warm:
            async with self._database.transaction() as transaction:
                # What is stopped with its execution was closed before: a second stop would disturb its last words.
                patience = policies.CONTAINER_PATIENCE + self._grace
                of_warm = await UpkeepRepository(transaction).classify(warm, older_than=patience)
            unneeded += [warm[container_id] for container_id in of_warm.unneeded]
            unknown += [warm[container_id] for container_id in of_warm.unknown]

        async def stop_one(name: ContainerName) -> bool:
            logger.warning("container_is_not_needed", container=str(name))
            await self._provisioner.stop(containers[name])
            return True

        await run.each(unneeded[:_MOST_STOPS], stop_one)
        if unknown:
            logger.info("containers_are_unknown", containers=len(unknown), one_of_them=str(unknown[0]))
        return len(unneeded)
