"""Functions whose containers are reused, their executions and containers, below the API."""

from dataclasses import dataclass, field

from sqlalchemy import func, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.claims import Claim, ClaimRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.reuse import to_reuse_column
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, ProjectRow
from control_plane_server.catalog.warm_containers.containers import EndedLease, Lease, Next, WarmContainer
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.polls import PollRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.catalog.warm_containers.table import WarmContainerRow
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.entities import ContainerDetails, ContainerStatus, ContainerType
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionRef,
    InvocationId,
    WarmContainerId,
    execution_id_for,
    warm_container_id_for,
)
from control_plane_server.domain.reuse import ReuseSpec
from tests.factories import insert_function, insert_invocation

REUSE = ReuseSpec(idle_seconds=600)


def details_of(container_id: WarmContainerId) -> ContainerDetails:
    return ContainerDetails(type=ContainerType.TEST, identifier=f"{container_id}-1", logs_identifier=container_id)


@dataclass(kw_only=True)
class Warm:
    """A function, and whatever is done with its containers."""

    database: Database
    function: FunctionRef
    executions: list[ExecutionId] = field(default_factory=list)
    invocations: dict[ExecutionId, InvocationId] = field(default_factory=dict)

    @classmethod
    async def begin(cls, database: Database, reuse: ReuseSpec = REUSE) -> "Warm":
        function = await insert_function(database, max_concurrency=100)
        async with database.statement() as connection:
            await connection.execute(
                update(FunctionRow)
                .where(FunctionRow.version_id == function.version_id)
                .values(reuse=to_reuse_column(reuse))
            )
        return cls(database=database, function=function)

    async def execution(self) -> ExecutionId:
        """One more, with its slot, whose first launch is noted."""
        invocation_id = await insert_invocation(self.database, self.function)
        execution_id = execution_id_for(invocation_id, 1)
        async with self.database.transaction() as connection:
            taken = await SlotQueue(connection).take(invocation_id=invocation_id, execution_id=execution_id, attempt=1)
        assert isinstance(taken, Assignment)
        self.executions.append(execution_id)
        self.invocations[execution_id] = invocation_id
        return execution_id

    async def granted(self) -> ExecutionId:
        """One more, whose slot nobody has taken up."""
        execution_id = await self.execution()
        await self.change_execution(
            execution_id, claim_time=None, launches=0, launch_time=None, container_status=ContainerStatus.PENDING
        )
        return execution_id

    async def claim(self, execution_id: ExecutionId) -> Claim | None:
        async with self.database.statement() as connection:
            return await ClaimRepository(connection).claim(execution_id, traceparent=f"of {execution_id}")

    async def lease(self, execution_id: ExecutionId, launch: int = 1) -> WarmContainer | None:
        async with self.database.statement() as connection:
            leases = LeaseRepository(connection)
            lease = Lease(
                function=self.function,
                invocation_id=self.invocations[execution_id],
                execution_id=execution_id,
                launch=launch,
                traceparent=f"of {execution_id}",
            )
            return await leases.lease(lease) or await leases.of_launch(execution_id, launch)

    async def begun(self, execution_id: ExecutionId, launch: int = 1) -> WarmContainer | None:
        async with self.database.statement() as connection:
            return await LeaseRepository(connection).begin(execution_id, launch)

    async def record(self, container_id: WarmContainerId) -> bool:
        async with self.database.statement() as connection:
            return await LeaseRepository(connection).record(container_id, details_of(container_id))

    async def next(self, container_id: WarmContainerId, ended: EndedLease | None = None) -> Next:
        async with self.database.statement() as connection:
            return await PollRepository(connection).next(container_id, ended=ended)

    async def let_go(self, container_id: WarmContainerId, exit_code: int | None = 0) -> Next:
        """What it is leased to, if to anything."""
        row = await self.row(container_id)
        ended = EndedLease(
            execution_id=ExecutionId(row.execution_id or "exe-0"), launch=row.launch or 1, exit_code=exit_code
        )
        return await self.next(container_id, ended)

    async def revoke(self, execution_id: ExecutionId, launch: int = 1) -> WarmContainer | None:
        async with self.database.statement() as connection:
            return await LeaseRepository(connection).revoke(execution_id, launch, reason="it did not start")

    async def close(self, container_id: WarmContainerId, *, is_gone: bool = False) -> bool:
        async with self.database.statement() as connection:
            return await LeaseRepository(connection).close(container_id, reason="for a test", is_gone=is_gone)

    async def refill(self) -> int:
        async with self.database.transaction() as connection:
            return await UpkeepRepository(connection).refill()

    async def started(self) -> WarmContainerId:
        """A container that was launched for an execution of its own and has been told of it."""
        execution_id = await self.execution()
        container_id = warm_container_id_for(execution_id, 1)
        assert await self.begun(execution_id)
        assert await self.record(container_id)
        assert (await self.next(container_id)).lease
        return container_id

    async def idle(self) -> WarmContainerId:
        container_id = await self.started()
        await self.let_go(container_id)
        return container_id

    async def row(self, container_id: WarmContainerId) -> WarmContainerRow:
        """Values of its columns."""
        async with self.database.statement() as connection:
            found = await connection.execute(
                select(WarmContainerRow.__table__).where(WarmContainerRow.container_id == container_id)
            )
            return found.one()  # type: ignore[return-value]  # read by the same names

    async def state(self, container_id: WarmContainerId) -> State:
        async with self.database.statement() as connection:
            state = await connection.scalar(
                select(WarmContainerRow.state).where(WarmContainerRow.container_id == container_id)
            )
        return State.ABSENT if state is None else State(state)

    async def change(self, container_id: WarmContainerId, **values: object) -> None:
        async with self.database.statement() as connection:
            await connection.execute(
                update(WarmContainerRow).where(WarmContainerRow.container_id == container_id).values(**values)
            )

    async def change_execution(self, execution_id: ExecutionId, **values: object) -> None:
        async with self.database.statement() as connection:
            await connection.execute(
                update(ExecutionRow).where(ExecutionRow.execution_id == execution_id).values(**values)
            )

    async def execution_row(self, execution_id: ExecutionId) -> ExecutionRow:
        async with self.database.statement() as connection:
            found = await connection.execute(
                select(
                    ExecutionRow.is_warm_start,
                    ExecutionRow.released_time,
                    ExecutionRow.exit_code,
                    ExecutionRow.execution_finish_time,
                    ExecutionRow.is_retryable,
                    ExecutionRow.container_identifier.label("container_identifier"),
                    ExecutionRow.container_status.label("container_status"),
                ).where(ExecutionRow.execution_id == execution_id)
            )
            return found.one()  # type: ignore[return-value]

    async def close_project(self) -> None:
        async with self.database.statement() as connection:
            await connection.execute(
                update(ProjectRow)
                .where(ProjectRow.project_name == self.function.project_name)
                .values(deletion_request_time=func.clock_timestamp())
            )

    async def name_secrets(self, secrets: dict[str, str]) -> None:
        async with self.database.statement() as connection:
            await connection.execute(
                update(FunctionRow).where(FunctionRow.version_id == self.function.version_id).values(secrets=secrets)
            )
