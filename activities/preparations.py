"""`prepare_function`: what a provisioner needs once per function."""

from temporalio import activity

from activities.errors import shortened
from activities.heartbeat import keep_heartbeating
from activities.messenger import Messenger
from catalog.database import Database
from catalog.preparations import BegunPreparation, PreparationRepository, SettledFunction
from domain.entities import PreparedFunction
from domain.errors import FunctionFailure, Misconfigured, ProjectIsBeingDeleted, Unavailable
from domain.messages import PrepareFunctionRequest, PrepareFunctionResult
from provisioners.contract import Provisioner
from workflows.ports import PreparationActivities

# Of one process: whatever waits for a platform's pace leaves slots of `control` to stops.
MOST_AT_ONCE = 400


class BoundPreparationActivities(PreparationActivities):
    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        messenger: Messenger,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._database = database
        self._provisioner = provisioner
        self._messenger = messenger
        self._most_at_once = most_at_once
        self._under_way = 0

    @activity.defn(name="prepare_function")
    async def prepare_function(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        if self._under_way >= self._most_at_once:
            raise Unavailable("This process prepares as many functions as it may already")
        self._under_way += 1
        try:
            async with keep_heartbeating():
                return await self._settled(request)
        finally:
            self._under_way -= 1

    async def _settled(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        async with self._database.transaction() as connection:
            begun = await PreparationRepository(connection).begin(request.function)
        settled = await (self._settled_before(request) if begun is None else self._prepare(request, begun))
        await self._messenger.deliver(grants=settled.grants)
        return PrepareFunctionResult(
            identifier=settled.identifier, preparation_error=shortened(settled.preparation_error)
        )

    async def _settled_before(self, request: PrepareFunctionRequest) -> SettledFunction:
        async with self._database.transaction() as connection:
            return await PreparationRepository(connection).settled(request.function)

    async def _prepare(self, request: PrepareFunctionRequest, begun: BegunPreparation) -> SettledFunction:
        try:
            prepared = await self._prepared(begun)
        except (FunctionFailure, Misconfigured) as error:
            async with self._database.transaction() as connection:
                return await PreparationRepository(connection).mark_unpreparable(request.function, str(error))
        async with self._database.transaction() as connection:
            settled = await PreparationRepository(connection).mark_ready(request.function, prepared)
        if settled.identifier != prepared.identifier:  # deleted with its project, or prepared by another try meanwhile
            await self._provisioner.retire(prepared)
        return settled

    async def _prepared(self, begun: BegunPreparation) -> PreparedFunction:
        """A project that is being deleted gets nothing new, and does not wait for what cannot be prepared now."""
        if not begun.is_closing:
            return await self._provisioner.prepare(begun.function)
        found = await self._provisioner.find_prepared(begun.function)
        if found is None:
            raise FunctionFailure(ProjectIsBeingDeleted.default_message())
        return found
