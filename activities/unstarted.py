"""Workflows that were never started, or were closed before they were done: started, or what they are for is ended."""

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.messenger import Messenger
from activities.repairs import RepairRun
from catalog.convergence import ConvergenceRepository
from catalog.database import Database
from catalog.loose_ends import PAGE, LooseEndRepository
from catalog.preparations import PreparationRepository
from domain.identifiers import FunctionRef, ProjectName, VersionId
from domain.messages import DeletionRequest, InvocationRequest, PreparationRequest
from workflows import policies, starting

if TYPE_CHECKING:
    from environment.spans import Spans

logger = structlog.get_logger(__name__)


class UnstartedWorkflows:
    """What Temporal refuses to start for good ends with its reason: it would be refused for ever."""

    def __init__(self, *, client: Client, database: Database, messenger: Messenger, spans: "Spans | None") -> None:
        self._client = client
        self._database = database
        self._messenger = messenger
        self._spans = spans

    async def start_invocations(self, run: RepairRun) -> None:
        last: InvocationRequest | None = None
        while True:
            async with self._database.statement() as connection:
                found = await LooseEndRepository(connection).unstarted_invocations(
                    older_than=policies.START_PATIENCE, after=last
                )
            await run.each(found, self._start_or_end_invocation)
            if len(found) < PAGE:
                return
            last = found[-1]

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

    async def _start_or_end_invocation(self, request: InvocationRequest) -> bool:
        try:
            return await self.start_invocation(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            reason = f"The invocation cannot be started: {error.message}"
        logger.error("invocation_cannot_be_started", invocation_id=request.invocation_id, reason=reason)
        async with self._database.transaction() as connection:
            return await ConvergenceRepository(connection).end_unstartable(request.invocation_id, reason=reason)

    async def _start_or_refuse_preparation(self, request: PreparationRequest) -> bool:
        try:
            return await starting.start_preparation(self._client, request)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            reason = f"The version cannot be prepared: {error.message}"
        logger.error("version_cannot_be_prepared", version_id=request.version_id, reason=reason)
        for function_name in request.function_names:
            function = FunctionRef(
                project_name=ProjectName(request.project_name),
                version_id=VersionId(request.version_id),
                function_name=function_name,
            )
            async with self._database.transaction() as connection:
                settled = await PreparationRepository(connection).mark_unpreparable(function, reason)
            await self._messenger.tell(grants=settled.grants)
        return True
