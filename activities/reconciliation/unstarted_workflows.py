"""Starts workflows that were never started or were closed too early, or ends what they are for."""

from typing import TYPE_CHECKING

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.invocation_starter import InvocationStarter
from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.termination_guard import TerminationGuard
from activities.search_attributes import missing_search_attributes
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.preparations import PreparationRepository
from control_plane_server.catalog.reconciliation.pages import PAGE
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.reconciliation.unstarted_workflows import UnstartedWorkflowRepository
from control_plane_server.domain.identifiers import FunctionRef, InvocationId, VersionId
from control_plane_server.domain.unfinished import ProjectBeingDeleted, UnfinishedInvocation
from workflows import policies, requests, starting
from workflows.closing import CLOSED
from workflows.naming import preparation_workflow_id

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

logger = structlog.get_logger(__name__)


class UnstartedWorkflows:
    """What Temporal refuses to start for good is ended with the refusal as its error message."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        messenger: Messenger,
        guard: TerminationGuard,
        spans: "Spans | None",
    ) -> None:
        self._client = client
        self._database = database
        self._messenger = messenger
        self._guard = guard
        self._starter = InvocationStarter(client, spans)

    async def start_invocations(self, run: RepairRun) -> None:
        """Start the workflows of invocations that never had one. Refused ones are ended, as far as the guard admits."""
        refused: dict[InvocationId, str] = {}

        async def start(invocation: UnfinishedInvocation) -> bool:
            try:
                return await self.start_invocation(invocation, resumes=False)
            except RPCError as error:
                if not await self._is_final(error):
                    raise
                refused[invocation.invocation_id] = f"The invocation cannot be started: {error.message}"
                return False

        found: list[UnfinishedInvocation] = []
        while not found or len(found) % PAGE == 0:
            async with self._database.statement() as connection:
                page = await UnstartedWorkflowRepository(connection).unstarted_invocations(
                    older_than=policies.START_PATIENCE, after=found[-1] if found else None
                )
            if not page:
                break
            await run.each(page, start)
            found += page
        await self._terminate_refused(run, refused, unstarted=len(found))

    async def start_invocation(self, invocation: UnfinishedInvocation, *, resumes: bool) -> bool:
        """Start its workflow; False if it exists. `resumes`: it replaces one that was lost. Raises RPCError."""
        return await self._starter.start(invocation, resumes=resumes)

    async def start_preparations(self, run: RepairRun) -> None:
        """Start the preparation of versions whose functions are neither READY nor refused, unless it runs."""
        async with self._database.statement() as connection:
            found = await UnstartedWorkflowRepository(connection).unprepared_versions(
                older_than=policies.START_PATIENCE
            )
        await run.each(found, self._start_or_refuse_preparation)

    async def start_deletions(self, run: RepairRun) -> None:
        """Start the deletion of projects for which it was requested, unless it runs."""
        async with self._database.statement() as connection:
            found = await UnstartedWorkflowRepository(connection).undeleted_projects(older_than=policies.START_PATIENCE)

        async def start(project: ProjectBeingDeleted) -> bool:
            return await starting.start_deletion(self._client, requests.for_deletion(project))

        await run.each(found, start)

    async def _terminate_refused(self, run: RepairRun, refused: dict[InvocationId, str], *, unstarted: int) -> None:
        admitted = await self._guard.admit("unstartable", list(refused), running=unstarted)

        async def terminate(invocation_id: InvocationId) -> bool:
            reason = refused[invocation_id]
            logger.error("invocation_cannot_be_started", invocation_id=invocation_id, reason=reason)
            async with self._database.transaction() as connection:
                return await RecordedTerminationRepository(connection).terminate_unstartable(
                    invocation_id, reason=reason
                )

        await run.each(admitted, terminate)

    async def _start_or_refuse_preparation(self, version_id: VersionId) -> bool:
        if await self._is_running(preparation_workflow_id(version_id)):
            return False
        async with self._database.statement() as connection:
            version = await UnstartedWorkflowRepository(connection).unprepared_version(version_id)
        if version is None:
            return False
        try:
            return await starting.start_preparation(self._client, requests.for_unprepared(version))
        except RPCError as error:
            if not await self._is_final(error):
                raise
            reason = f"The version cannot be prepared: {error.message}"
        logger.error("version_cannot_be_prepared", version_id=version_id, reason=reason)
        for function_name in version.function_names:
            function = FunctionRef(
                project_name=version.project_name, version_id=version_id, function_name=function_name
            )
            async with self._database.transaction() as connection:
                outcome = await PreparationRepository(connection).mark_unpreparable(function, reason)
            await self._messenger.deliver(grants=outcome.grants)
        return True

    async def _is_running(self, workflow_id: str) -> bool:
        """True in nearly all cases; then the functions need not be read."""
        try:
            description = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return description.status not in CLOSED

    async def _is_final(self, error: RPCError) -> bool:
        """Whether the request itself is at fault. A namespace without one of our search attributes refuses all requests
        in the same way, and accepts them once it has it. Raises RPCError."""
        if error.status is not RPCStatusCode.INVALID_ARGUMENT or "mapping" in error.message:
            return False
        return not await missing_search_attributes(self._client)
