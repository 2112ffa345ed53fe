"""Batches that are not complete, with what their workflows are started with; and what these repair in the catalog."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.converters import to_function
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.reconciliation.pages import DRAWN, PAGE, is_older
from control_plane_server.catalog.tables import BatchRow, FunctionRow, InvocationRow, VersionRow, columns_of
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.identifiers import BatchId, InvocationId
from control_plane_server.domain.unfinished import UnfinishedBatch


class UnfinishedBatchRepository:
    """The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def unfinished(self, *, older_than: timedelta) -> list[UnfinishedBatch]:
        """Batches older than this of which some invocation runs; at most PAGE."""
        found = await self._connection.execute(
            select(*columns_of(BatchRow, FunctionRow, VersionRow))
            .join_from(BatchRow, FunctionRow, FunctionRow.function_id == BatchRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(BatchRow.completion_time.is_(None), is_older(BatchRow.creation_time, older_than))
            .order_by(DRAWN)
            .limit(PAGE)
        )
        batches = []
        for row in found:
            function = to_function(row)
            batches.append(
                UnfinishedBatch(
                    batch_id=BatchId(row.batches_batch_id),
                    function=function.ref,
                    execution_spec=function.execution_spec,
                    creation_time=row.batches_creation_time,
                    size=row.batches_size,
                    parent_invocation_id=(
                        None
                        if row.batches_parent_invocation_id is None
                        else InvocationId(row.batches_parent_invocation_id)
                    ),
                )
            )
        return batches

    async def unnumbered(self, batch_id: BatchId) -> list[InvocationId]:
        """Invocations of the batch without a position, as a release that knew no batches has ended them. Gives those their
        outcomes that have none. Needs a transaction."""
        is_unnumbered = (
            InvocationRow.batch_id == batch_id,
            InvocationRow.status == InvocationStatus.TERMINATED.value,
            InvocationRow.batch_position.is_(None),
        )
        unnumbered = await self._connection.scalars(select(InvocationRow.invocation_id).where(*is_unnumbered))
        invocation_ids = list(map(InvocationId, unnumbered))
        if invocation_ids:
            await self._connection.execute(
                update(InvocationRow)
                .where(*is_unnumbered, InvocationRow.outcome.is_(None))
                .values(outcome=known_outcome())
            )
        return invocation_ids
