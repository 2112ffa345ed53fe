"""Batches that are not complete, with what their workflows are started with."""

from datetime import timedelta

from sqlalchemy import select

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.converters import to_function
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.reconciliation.pages import DRAWN, PAGE, is_older
from control_plane_server.catalog.tables import BatchRow, FunctionRow, InvocationRow, VersionRow
from control_plane_server.domain.identifiers import BatchId, InvocationId
from control_plane_server.domain.unfinished import UnfinishedBatch

# All of a batch have the same; of a replay the workflow is told by its first look.
_QUEUE_TIMEOUT = (
    select(InvocationRow.queue_timeout_seconds)
    .where(InvocationRow.batch_id == BatchRow.batch_id)
    .order_by(InvocationRow.batch_index)  # by the index of batches: without an order, all invocations are gone through
    .limit(1)
    .correlate(BatchRow)
    .scalar_subquery()
)


class UnfinishedBatchRepository:
    """Reads only, as `UnstartedWorkflowRepository` does."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def unfinished(self, *, older_than: timedelta) -> list[UnfinishedBatch]:
        """Batches older than this of which some invocation runs; at most PAGE."""
        found = await self._connection.execute(
            select(*columns_of(BatchRow, FunctionRow, VersionRow), _QUEUE_TIMEOUT.label("queue_timeout"))
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
                    execution_spec=function.execution_spec.with_queue_timeout(row.queue_timeout),
                    creation_time=row.batches_creation_time,
                    size=row.batches_size,
                    is_replay=row.batches_is_replay,
                    not_before=row.batches_not_before,
                    parent_invocation_id=(
                        None
                        if row.batches_parent_invocation_id is None
                        else InvocationId(row.batches_parent_invocation_id)
                    ),
                )
            )
        return batches
