"""`prepare_function`: has the provisioner prepare a function, and records the result."""

from collections.abc import Callable

from temporalio import activity

from activities.errors import shortened
from activities.heartbeat import keep_heartbeating
from activities.messenger import Messenger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.preparations import Preparation, PreparationOutcome, PreparationRepository
from control_plane_server.catalog.secrets import SecretRepository
from control_plane_server.domain.entities import Function, PreparedFunction
from control_plane_server.domain.environments import stored
from control_plane_server.domain.errors import FunctionFailure, Misconfigured, ProjectIsBeingDeleted, Unavailable
from control_plane_server.domain.messages import PrepareFunctionRequest, PrepareFunctionResult
from control_plane_server.domain.secrets import missing_secret_text
from control_plane_server.provisioners.contract import Provisioner
from workflows.ports import PreparationActivities

# Of one process, so that preparations which wait for AWS's rate limit leave slots of `control` to stops.
MOST_AT_ONCE = 400


class BoundPreparationActivities(PreparationActivities):
    """Prepares functions. A process that prepares `most_at_once` of them refuses another with Unavailable."""

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        messenger: Messenger,
        most_at_once: int = MOST_AT_ONCE,
        ask_for_upkeep: Callable[[], None] = lambda: None,
    ) -> None:
        """`ask_for_upkeep`: told when a function is READY whose containers are kept."""
        self._database = database
        self._provisioner = provisioner
        self._messenger = messenger
        self._most_at_once = most_at_once
        self._ask_for_upkeep = ask_for_upkeep
        self._under_way = 0

    @activity.defn(name="prepare_function")
    async def prepare_function(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        if self._under_way >= self._most_at_once:
            raise Unavailable("This process prepares as many functions as it may already")
        self._under_way += 1
        try:
            async with keep_heartbeating():
                return await self._prepare_or_find_outcome(request)
        finally:
            self._under_way -= 1

    async def _prepare_or_find_outcome(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        async with self._database.transaction() as connection:
            preparation = await PreparationRepository(connection).begin(request.function)
        outcome = await (self._find_outcome(request) if preparation is None else self._prepare(request, preparation))
        await self._messenger.deliver(grants=outcome.grants)
        return PrepareFunctionResult(
            identifier=outcome.identifier, preparation_error=shortened(outcome.preparation_error)
        )

    async def _find_outcome(self, request: PrepareFunctionRequest) -> PreparationOutcome:
        async with self._database.transaction() as connection:
            return await PreparationRepository(connection).find_outcome(request.function)

    async def _prepare(self, request: PrepareFunctionRequest, preparation: Preparation) -> PreparationOutcome:
        try:
            prepared = await self._call_provisioner(preparation)
        except (FunctionFailure, Misconfigured) as error:
            async with self._database.transaction() as connection:
                return await PreparationRepository(connection).mark_unpreparable(request.function, str(error))
        async with self._database.transaction() as connection:
            outcome = await PreparationRepository(connection).mark_ready(request.function, prepared)
        if preparation.function.reuse is not None:
            self._ask_for_upkeep()
        if outcome.identifier != prepared.identifier:  # deleted with its project, or prepared by another try meanwhile
            await self._provisioner.retire(prepared)
        return outcome

    async def _call_provisioner(self, preparation: Preparation) -> PreparedFunction:
        """For a project that is being deleted only what an earlier try made is looked for."""
        if not preparation.is_closing:
            await self._ensure_secrets(preparation.function)
            return await self._provisioner.prepare(preparation.function)
        found = await self._provisioner.find_prepared(preparation.function)
        if found is None:
            raise FunctionFailure(ProjectIsBeingDeleted.default_message())
        return found

    async def _ensure_secrets(self, function: Function) -> None:
        """Raises FunctionFailure if one is not set that the function names."""
        wanted = stored(function.secrets)
        if not wanted:
            return
        project_name = function.ref.project_name
        async with self._database.statement() as connection:
            missing = await SecretRepository(connection).missing(project_name, set(wanted.values()))
        if missing:
            raise FunctionFailure(f"{missing_secret_text(project_name, wanted, missing)}; then deploy again")
