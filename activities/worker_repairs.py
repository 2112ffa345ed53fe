"""Workers that have lost their execution are stopped."""

import structlog

from activities.repairs import RepairRun
from catalog.database import Database
from catalog.orphans import OrphanRepository
from domain.workers import WorkerName
from provisioners.contract import Provisioner
from workflows import policies

logger = structlog.get_logger(__name__)

# Per look: what is left is found by the next one.
_MOST = 200


class WorkerRepairs:
    def __init__(self, *, database: Database, provisioner: Provisioner) -> None:
        self._database = database
        self._provisioner = provisioner

    async def stop_workers(self, run: RepairRun) -> None:
        """Stop the workers whose execution has ended or has another worker by now.

        Of workers that the catalog does not know some other control plane may: they are left alone.
        """
        workers = {worker.name: worker for worker in await self._provisioner.live_workers()}
        if not workers:
            return
        async with self._database.statement() as connection:
            findings = await OrphanRepository(connection).judge(workers, older_than=policies.WORKER_PATIENCE)

        async def stop(name: WorkerName) -> bool:
            logger.warning("worker_is_not_needed", execution_id=name.execution_id, worker=str(name))
            await self._provisioner.stop(workers[name])
            return True

        await run.each(findings.unneeded[:_MOST], stop)
        if findings.unknown:
            logger.info("workers_are_unknown", workers=len(findings.unknown), one_of_them=str(findings.unknown[0]))
