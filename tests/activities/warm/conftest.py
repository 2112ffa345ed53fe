"""What runs executions in warm containers, on a simulated platform; whatever a container says, a test says for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from activities.container_launcher import LaunchTools
from activities.execution_spans import ExecutionSpans
from activities.warm.launcher import LeasingLauncher
from activities.warm.lease_watch import LeaseWatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.notifications import CONTAINERS_CHANNEL, EXECUTIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.entities import ContainerType, PreparedFunction
from control_plane_server.domain.identifiers import ExecutionId, InvocationId, WarmContainerId, warm_container_id_for
from control_plane_server.domain.messages import ContainerAwaited, RunExecutionRequest
from control_plane_server.domain.reuse import ReuseSpec
from tests.catalog.warm_containers.warm import REUSE, Warm
from tests.simulation.containers import Fleet

PREPARED = PreparedFunction(type=ContainerType.TEST, identifier="prepared")
GRACE = timedelta(seconds=0.2)
UNDELIVERED = ContainerExit(cause=ExitCause.LOST, reason="it did not begin", is_undelivered=True)


class Deaf:
    """A messenger that nobody hears."""

    async def signal_container_awaited(self, invocation_id: InvocationId, awaited: ContainerAwaited) -> None:
        """Nothing depends on it."""


@dataclass(kw_only=True)
class Rig:
    """A function whose containers are kept, and what runs its executions."""

    warm: Warm
    fleet: Fleet
    listener: NotificationListener
    asked_for_upkeep: int = 0

    @property
    def database(self) -> Database:
        return self.warm.database

    async def launcher(self, execution_id: ExecutionId) -> LeasingLauncher:
        """One try of the execution's activity."""
        invocation_id = await self._invocation_of(execution_id)
        async with self.database.transaction() as connection:
            taken = await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
        assert isinstance(taken, Assignment)
        tools = LaunchTools(
            spans=ExecutionSpans(None),
            database=self.database,
            provisioner=self.fleet,
            listener=self.listener,
            messenger=Deaf(),  # type: ignore[arg-type]
            signing_key="key",
            ask_for_upkeep=self._count,
        )
        request = RunExecutionRequest(
            invocation_id=invocation_id, execution_id=execution_id, attempt=1, is_last_attempt=False
        )
        return LeasingLauncher(tools, request, taken, PREPARED)

    def watch(self, *, release_patience: timedelta = timedelta(seconds=0.3), grace: timedelta = GRACE) -> LeaseWatch:
        return LeaseWatch(
            database=self.database,
            provisioner=self.fleet,
            listener=self.listener,
            grace=grace,
            release_patience=release_patience,
            usual_stop=timedelta(seconds=0.3),
            first_pause=timedelta(seconds=0.05),
        )

    async def idle(self) -> WarmContainerId:
        """A container of this platform that has run an execution and asks for another one."""
        execution_id = await self.warm.execution()
        container = await (await self.launcher(execution_id)).ensure_container()
        assert container is not None
        container_id = warm_container_id_for(execution_id, 1)
        assert (await self.warm.next(container_id)).lease
        await self.warm.let_go(container_id)
        return container_id

    async def note(self, execution_id: ExecutionId, *columns: str) -> None:
        """Write that these times of the execution are now."""
        async with self.database.statement() as connection:
            await connection.execute(
                update(ExecutionRow)
                .where(ExecutionRow.execution_id == execution_id)
                .values({column: func.clock_timestamp() for column in columns})
                .returning(func.pg_notify(EXECUTIONS_CHANNEL, execution_id))
            )

    async def execution(self, execution_id: ExecutionId) -> ExecutionRow:
        """Values of its columns."""
        async with self.database.statement() as connection:
            found = await connection.execute(
                select(ExecutionRow.__table__).where(ExecutionRow.execution_id == execution_id)
            )
            return found.one()  # type: ignore[return-value]  # read by the same names

    async def _invocation_of(self, execution_id: ExecutionId) -> InvocationId:
        row = await self.execution(execution_id)
        return InvocationId(row.invocation_id)

    def _count(self) -> None:
        self.asked_for_upkeep += 1


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, [EXECUTIONS_CHANNEL, CONTAINERS_CHANNEL]) as it:
        yield it


@pytest.fixture
def reuse(request: pytest.FixtureRequest) -> ReuseSpec:
    """Of the rig's function; parametrized indirectly."""
    return getattr(request, "param", REUSE)


@pytest.fixture
async def rig(database: Database, listener: NotificationListener, reuse: ReuseSpec) -> Rig:
    return Rig(warm=await Warm.begin(database, reuse), fleet=Fleet(stop_grace=timedelta(1)), listener=listener)
