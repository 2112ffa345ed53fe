"""The repairs of what has lost whoever looked after it, part of every reconciliation."""

import structlog
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from catalog.database import Database
from catalog.orphans import OrphanRepository, RunningInvocation
from domain.errors import WorkerError
from provisioners.contract import Provisioner
from workflows import policies, starting
from workflows.naming import invocation_workflow_id

logger = structlog.get_logger(__name__)

_OPEN_WORKFLOWS = 'WorkflowType = "InvocationWorkflow" AND ExecutionStatus = "Running"'
# Per look, as each is asked for by itself: what is left is found by the next one.
_MOST_DESCRIBED = 1_000


class OrphanRepairs:
    """Each is conditional, may be repeated and may run twice at once. Raises RPCError, CatalogIsAway, WorkerError."""

    def __init__(self, *, client: Client, database: Database, provisioner: Provisioner) -> None:
        self._client = client
        self._database = database
        self._provisioner = provisioner

    async def clean_up_invocations(self) -> int:
        """Have invocations stopped and ended whose workflow somebody closed or deleted. Returns how many.

        The list of open workflows lags behind and only points out whom to ask for. An invocation that ends by itself is
        TERMINATED before its workflow closes: one that runs in the catalog after its workflow was seen closed is lost.
        """
        async with self._database.statement() as connection:
            running = await OrphanRepository(connection).running_invocations(older_than=policies.START_PATIENCE)
        if not running:
            return 0
        is_open = {workflow.id async for workflow in self._client.list_workflows(_OPEN_WORKFLOWS)}
        suspects = [one for one in running if invocation_workflow_id(one.invocation_id) not in is_open]
        lost = [one.invocation_id for one in suspects[:_MOST_DESCRIBED] if await self._has_lost_its_workflow(one)]
        async with self._database.statement() as connection:
            requests = await OrphanRepository(connection).running_among(lost)
        cleaned_up = 0
        for request in requests:
            if await starting.start_clean_up(self._client, request):
                logger.warning("invocation_is_cleaned_up", invocation_id=request.invocation_id)
                cleaned_up += 1
        return cleaned_up

    async def stop_workers(self) -> int:
        """Stop the workers whose execution has ended or has another worker by now. Returns how many were asked to end.

        Of workers that the catalog does not know some other control plane may: they are left alone.
        """
        workers = {worker.name: worker for worker in await self._provisioner.live_workers()}
        async with self._database.statement() as connection:
            findings = await OrphanRepository(connection).judge(workers, older_than=policies.WORKER_PATIENCE)
        for name in findings.unneeded:
            logger.warning("worker_is_not_needed", execution_id=name.execution_id, worker=str(name))
            try:
                await self._provisioner.stop(workers[name])
            except WorkerError as error:  # the next look finds it again
                logger.warning(
                    "worker_is_not_stopped", execution_id=name.execution_id, worker=str(name), reason=str(error)
                )
        if findings.unknown:
            logger.info("workers_are_unknown", workers=len(findings.unknown), one_of_them=str(findings.unknown[0]))
        return len(findings.unneeded)

    async def _has_lost_its_workflow(self, invocation: RunningInvocation) -> bool:
        """One that has not begun may have none yet. One that was reset has a closed run behind it, and an open one."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation.invocation_id))
        try:
            description = await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return invocation.has_begun
        return description.status is not WorkflowExecutionStatus.RUNNING
