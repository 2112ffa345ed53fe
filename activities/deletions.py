"""The steps of a project's deletion."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.messenger import Messenger
from catalog.database import Database
from catalog.deletions import DeletionRepository
from domain.messages import CancelProjectResult, DeletionRequest
from provisioners.contract import Provisioner
from workflows.ports import DeletionActivities


class BoundDeletionActivities(DeletionActivities):
    def __init__(self, *, database: Database, provisioner: Provisioner, messenger: Messenger) -> None:
        self._database = database
        self._provisioner = provisioner
        self._messenger = messenger

    @activity.defn(name="cancel_project")
    async def cancel_project(self, request: DeletionRequest) -> CancelProjectResult:
        async with self._repository(request) as repository:
            running = await repository.cancel_invocations()
        await self._messenger.tell(cancelled=running)
        return CancelProjectResult(running=len(running))

    @activity.defn(name="retire_project")
    async def retire_project(self, request: DeletionRequest) -> None:
        async with self._repository(request) as repository:
            prepared = await repository.prepared_functions()
        async with heartbeating():  # hundreds take minutes, at the pace that a platform allows
            for function in prepared:
                await self._provisioner.retire(function)
                async with self._repository(request) as repository:
                    await repository.note_retired(function)

    @activity.defn(name="delete_project")
    async def delete_project(self, request: DeletionRequest) -> CancelProjectResult:
        async with self._repository(request) as repository:
            return CancelProjectResult(running=await repository.delete())

    @asynccontextmanager
    async def _repository(self, request: DeletionRequest) -> AsyncIterator[DeletionRepository]:
        async with self._database.long_transaction() as connection:
            yield DeletionRepository(connection, project_name=request.project_name, creation_time=request.creation_time)
