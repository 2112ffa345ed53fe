"""What may have lost whoever looked after it: invocations without a workflow, containers without an execution."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Text, any_, exists, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from catalog.database import StatementConnection
from catalog.tables import ExecutionRow, InvocationRow, WaitingExecutionRow
from domain.containers import ContainerName
from domain.entities import ContainerStatus, InvocationStatus
from domain.identifiers import ExecutionId, InvocationId
from domain.messages import CleanUpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningInvocation:
    """`has_begun`: its workflow has asked for a slot, so that one without a workflow has lost it."""

    invocation_id: InvocationId
    has_begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFindings:
    """Of some containers: those that nobody needs any more, and those whose execution is not in this catalog."""

    unneeded: tuple[ContainerName, ...]
    unknown: tuple[ContainerName, ...]


class OrphanRepository:
    """Reads only, as `LooseEndRepository` does."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def running_invocations(self, *, older_than: timedelta) -> list[RunningInvocation]:
        """All of them: a look at the catalog is cheap, and who compares needs the whole."""
        has_begun = (
            exists().where(ExecutionRow.invocation_id == InvocationRow.invocation_id)
            | exists().where(WaitingExecutionRow.invocation_id == InvocationRow.invocation_id)
        ).label("has_begun")
        found = await self._connection.execute(
            select(InvocationRow.invocation_id, has_begun).where(
                InvocationRow.status == InvocationStatus.RUNNING,
                InvocationRow.creation_time < func.clock_timestamp() - older_than,
            )
        )
        return [
            RunningInvocation(invocation_id=InvocationId(invocation_id), has_begun=begun)
            for invocation_id, begun in found
        ]

    async def running_among(self, invocation_ids: Iterable[InvocationId]) -> list[CleanUpRequest]:
        """Those of the invocations that the catalog takes for running, each with its live execution."""
        found = await self._connection.execute(
            select(InvocationRow.invocation_id, ExecutionRow.execution_id, ExecutionRow.attempt)
            .outerjoin(
                ExecutionRow,
                (ExecutionRow.invocation_id == InvocationRow.invocation_id)
                & (ExecutionRow.container_status != ContainerStatus.TERMINATED),
            )
            .where(
                InvocationRow.status == InvocationStatus.RUNNING, _is_among(InvocationRow.invocation_id, invocation_ids)
            )
        )
        return [
            CleanUpRequest(
                invocation_id=InvocationId(invocation_id),
                execution_id=None if execution_id is None else ExecutionId(execution_id),
                attempt=attempt or 0,
            )
            for invocation_id, execution_id, attempt in found
        ]

    async def judge(self, containers: Iterable[ContainerName], *, older_than: timedelta) -> ContainerFindings:
        """A container is not needed if its execution has been TERMINATED for so long, or another launch took its place
        so long ago: younger than that, its launch or its end may be under way."""
        names = tuple(containers)
        then = func.clock_timestamp() - older_than
        found = await self._connection.execute(
            select(
                ExecutionRow.execution_id,
                ExecutionRow.launches,
                (
                    (ExecutionRow.container_status == ContainerStatus.TERMINATED)
                    & (ExecutionRow.last_update_time < then)
                ).label("has_ended"),
                (ExecutionRow.launch_time < then).label("is_relaunched"),
            ).where(_is_among(ExecutionRow.execution_id, (name.execution_id for name in names)))
        )
        executions = {row.execution_id: row for row in found}
        unneeded, unknown = [], []
        for name in names:
            execution = executions.get(name.execution_id)
            if execution is None:
                unknown.append(name)
            elif execution.has_ended or (name.launch < execution.launches and execution.is_relaunched):
                unneeded.append(name)
        return ContainerFindings(unneeded=tuple(unneeded), unknown=tuple(unknown))


def _is_among(column: InstrumentedAttribute[str], values: Iterable[str]) -> ColumnElement[bool]:
    """One parameter, however many there are: Postgres takes no more than 32,767."""
    return column == any_(literal(list(values), ARRAY(Text)))
