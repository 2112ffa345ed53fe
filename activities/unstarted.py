"""Workflows that were never started, or were closed before they were done: started, or what they are for is ended."""

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.ending_brake import EndingBrake
from activities.messenger import Messenger
from activities.repairs import RepairRun
from activities.search_attributes import missing_search_attributes
from catalog.convergence import ConvergenceRepository
from catalog.database import Database
from catalog.loose_ends import PAGE, LooseEndRepository
from catalog.preparations import PreparationRepository
from domain.identifiers import FunctionRef, InvocationId, ProjectName, VersionId
from domain.messages import DeletionRequest, InvocationRequest
from workflows import policies, starting
from workflows.closing import CLOSED
from workflows.naming import preparation_workflow_id

if TYPE_CHECKING:
    from environment.spans import Spans

logger = structlog.get_logger(__name__)


class UnstartedWorkflows:
    """What Temporal refuses to start for good ends with its reason: it would be refused for ever."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        messenger: Messenger,
        brake: EndingBrake,
        spans: "Spans | None",
    ) -> None:
        self._client = client
        self._database = database
        self._messenger = messenger
        self._brake = brake
        self._spans = spans

    async def start_invocations(self, run: RepairRun) -> None:
        refused: dict[InvocationId, str] = {}

        async def start(request: InvocationRequest) -> bool:
            try:
                return await self.start_invocation(request)
            except RPCError as error:
                if not await self._is_final(error):
                    raise
                refused[request.invocation_id] = f"The invocation cannot be started: {error.message}"
                return False

        found: list[InvocationRequest] = []
        while not found or len(found) % PAGE == 0:
            async with self._database.statement() as connection:
                page = await LooseEndRepository(connection).unstarted_invocations(
                    older_than=policies.START_PATIENCE, after=found[-1] if found else None
                )
            if not page:
                break
            await run.each(page, start)
            found += page
        await self._end_refused(run, refused, unstarted=len(found))

    async def start_invocation(self, request: InvocationRequest) -> bool:
        """Its workflow, unless it is there. Raises RPCError."""
        if self._spans is None:
            return await starting.start_invocation(self._client, request)
        origin = self._spans.origin(request.invocation_id)
        request = replace(request, traceparent=self._spans.traceparent_of(origin))
        is_started = await starting.start_invocation(self._client, request)
        if is_started:
            origin.end()
        return is_started

    async def start_preparations(self, run: RepairRun) -> None:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).unprepared_versions(older_than=policies.START_PATIENCE)
        await run.each(found, self._start_or_refuse_preparation)

    async def start_deletions(self, run: RepairRun) -> None:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).undeleted_projects(older_than=policies.START_PATIENCE)

        async def start(request: DeletionRequest) -> bool:
            return await starting.start_deletion(self._client, request)

        await run.each(found, start)

    async def _end_refused(self, run: RepairRun, refused: dict[InvocationId, str], *, unstarted: int) -> None:
        ended = await self._brake.let_pass("unstartable", list(refused), running=unstarted)

        async def end(invocation_id: InvocationId) -> bool:
            reason = refused[invocation_id]
            logger.error("invocation_cannot_be_started", invocation_id=invocation_id, reason=reason)
            async with self._database.transaction() as connection:
                return await ConvergenceRepository(connection).end_unstartable(invocation_id, reason=reason)

        await run.each(ended, end)

    async def _start_or_refuse_preparation(self, version_id: VersionId) -> bool:
        if await self._is_running(preparation_workflow_id(version_id)):
            return False
        async with self._database.statement() as connection:
            request = await LooseEndRepository(connection).preparation_of(version_id)
        if request is None:
            return False
        try:
            return await starting.start_preparation(self._client, request)
        except RPCError as error:
            if not await self._is_final(error):
                raise
            reason = f"The version cannot be prepared: {error.message}"
        logger.error("version_cannot_be_prepared", version_id=version_id, reason=reason)
        for function_name in request.function_names:
            function = FunctionRef(
                project_name=ProjectName(request.project_name), version_id=version_id, function_name=function_name
            )
            async with self._database.transaction() as connection:
                settled = await PreparationRepository(connection).mark_unpreparable(function, reason)
            await self._messenger.tell(grants=settled.grants)
        return True

    async def _is_running(self, workflow_id: str) -> bool:
        """As nearly always: then nothing more need be read."""
        try:
            description = await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return description.status not in CLOSED

    async def _is_final(self, error: RPCError) -> bool:
        """Whether the request itself is at fault. A namespace that lacks a search attribute refuses every request in
        the same way, and takes them all once it has it. Raises RPCError."""
        if error.status is not RPCStatusCode.INVALID_ARGUMENT or "mapping" in error.message:
            return False
        return not await missing_search_attributes(self._client)
