"""The steps of a project's deletion."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.heartbeat import keep_heartbeating
from activities.messenger import Messenger
from activities.warm.project_end import ProjectEnd
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.deletions import DeletionRepository
from control_plane_server.domain.errors import CatalogIsAway, ContainerError
from control_plane_server.domain.identifiers import BatchId, InvocationId
from control_plane_server.domain.messages import CancelProjectResult, DeletionRequest
from control_plane_server.liveness.progress import note_progress
from control_plane_server.provisioners.contract import Provisioner
from workflows.ports import DeletionActivities
from workflows.schedules import delete_schedule

logger = structlog.get_logger(__name__)

# Invocations in one transaction.
_BATCH_SIZE = 500
# A delivered cancellation has reached its workflow within this, unless Temporal is overloaded.
_TOLD_AGAIN_AFTER = timedelta(seconds=15)


class BoundDeletionActivities(DeletionActivities):
    """The steps of a deletion. `batch_size`: how many invocations are cancelled or deleted in one transaction."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        provisioner: Provisioner,
        messenger: Messenger,
        batch_size: int = _BATCH_SIZE,
    ) -> None:
        self._batch_size = batch_size
        self._client = client
        self._database = database
        self._provisioner = provisioner
        self._messenger = messenger
        self._warm = ProjectEnd(database=database, provisioner=provisioner)

    @activity.defn(name="cancel_project")
    async def cancel_project(self, request: DeletionRequest) -> CancelProjectResult:
        async with keep_heartbeating():
            async with self._repository(request) as repository:
                await repository.close()
                batches = await repository.cancel_batches()
            await self._cancel_invocations(request, batches)
            async with self._repository(request) as repository:
                left = await repository.count_unfinished()
            kept = await self._warm.end_containers(request, nothing_runs=not left.running)
        return CancelProjectResult(
            running=left.running + left.preparing + kept, preparing=left.preparing, containers=kept
        )

    @activity.defn(name="retire_project")
    async def retire_project(self, request: DeletionRequest) -> None:
        """A failure keeps no other function from being retired. Raises the first ContainerError, at the end."""
        faults: list[ContainerError] = []
        async with keep_heartbeating():  # hundreds take minutes, at the pace that a platform allows
            await self._delete_schedules(request)
            async with self._repository(request) as repository:
                prepared = await repository.prepared_functions()
            for function in prepared:
                try:
                    await self._provisioner.retire(function)
                    async with self._repository(request) as repository:
                        await repository.note_retired(function)
                except ContainerError as error:
                    logger.warning("function_is_not_retired", identifier=function.identifier, reason=str(error))
                    faults.append(error)
        if faults:
            raise faults[0]

    @activity.defn(name="delete_project")
    async def delete_project(self, request: DeletionRequest) -> CancelProjectResult:
        """In batches, so that a later try finds what is left."""
        async with keep_heartbeating():
            while not await self._is_gone(request):
                if not await self._delete_some(request):
                    async with self._repository(request) as repository:
                        running = await repository.running()
                    if running:
                        return CancelProjectResult(running=running)
        return CancelProjectResult(running=0)

    async def _delete_schedules(self, request: DeletionRequest) -> None:
        """In Temporal; their rows go with the project's. Raises RPCError."""
        async with self._repository(request) as repository:
            schedules = await repository.schedules()
        for schedule_id in schedules:
            await delete_schedule(self._client, schedule_id)
            note_progress()

    async def _cancel_invocations(self, request: DeletionRequest, batches: Sequence[BatchId]) -> None:
        """An invocation whose workflow cannot be reached keeps no other from being cancelled. Workflows of batches are
        told last: they act on what the catalog has as cancelled.

        Raises RPCError or CatalogIsAway, once everything has been tried.
        """
        faults: list[Exception] = []
        last: InvocationId | None = None
        while True:
            async with self._repository(request) as repository:
                cancelled = await repository.cancel_invocations(
                    after=last, at_most=self._batch_size, again_after=_TOLD_AGAIN_AFTER
                )
            if not cancelled:
                break
            try:
                await self._messenger.deliver(cancelled=cancelled)
            except (RPCError, CatalogIsAway) as error:
                faults.append(error)
            last = cancelled[-1]
        try:
            await self._messenger.deliver(batches=batches)
        except (RPCError, CatalogIsAway) as error:
            faults.append(error)
        if faults:
            raise faults[0]

    async def _delete_some(self, request: DeletionRequest) -> bool:
        async with self._repository(request) as repository:
            ended = await repository.ended(at_most=self._batch_size)
            containers = await repository.containers(ended)
        if ended:
            await self._provisioner.forget(containers)  # first: afterwards nobody knows their names
            async with self._repository(request) as repository:
                await repository.delete_invocations(ended)
            return True
        await self._warm.forget_containers(request)
        async with self._repository(request) as repository:
            return await repository.delete_version()

    async def _is_gone(self, request: DeletionRequest) -> bool:
        async with self._repository(request) as repository:
            return await repository.delete()

    @asynccontextmanager
    async def _repository(self, request: DeletionRequest) -> AsyncIterator[DeletionRepository]:
        async with self._database.long_transaction() as connection:
            yield DeletionRepository(connection, project_name=request.project_name, creation_time=request.creation_time)
