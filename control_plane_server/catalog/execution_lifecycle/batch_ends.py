"""Ends of a batch's invocations, each with its position in the order of their ends.

Positions are given under the lock of the batch's row in the transaction of the end: they have no gaps and become
visible in their order, so whoever reads behind a position misses none.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import CTE, ColumnElement, case, column, func, literal_column, select, table, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.ends import ENDING, as_text, end_values, measured_at_end
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL
from control_plane_server.catalog.tables import BatchRow, ExecutionRow
from control_plane_server.catalog.webhooks.outbox import ENDED_COLUMNS, noted_deliveries
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import BatchId, InvocationId
from control_plane_server.domain.messages import StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedInBatch:
    """`ended`: how many have ended now. `is_complete`: the batch's last one was among them."""

    ended: int
    is_complete: bool


class BatchEndRepository:
    """Inside the caller's transaction, which holds the lock of the function's row. Each may be repeated."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def number(self, batch_id: BatchId, invocation_ids: Collection[InvocationId]) -> bool:
        """Give those of these TERMINATED invocations that have no position the next ones, in the order of their inputs.
        Returns whether the batch's last one was among them."""
        completed = await self._connection.scalar(
            _NUMBER, {"batch_id": batch_id, "invocation_ids": list(invocation_ids), "channel": INVOCATIONS_CHANNEL}
        )
        return bool(completed)

    async def end_unstarted(
        self, batch_id: BatchId, *, reason: StopReason | None, at_most: int, of_replay: InvocationId | None = None
    ) -> EndedInBatch:
        """End invocations that have had no execution, without a workflow: those whose cancellation is requested, and
        with a `reason` all of them. The oldest first, at most `at_most`.

        `of_replay`: an invocation of a batch that is a replay: those of its function are meant. Each has its own limits
        then: with TIMED_OUT those are ended whose time is over.

        One whose workflow has been started all the same gets no slot when it asks for one, and ends. None of them has a
        slot that others could have by it.
        """
        if of_replay is None:
            owner = await self._slots.lock_owner_of_batch(batch_id)
        else:
            owner = await self._slots.lock_owner_of(of_replay)
        if owner is None:
            return EndedInBatch(ended=0, is_complete=False)
        outcome = InvocationOutcome.TIMED_OUT if reason is StopReason.TIMED_OUT else InvocationOutcome.CANCELLED
        ended = await self._connection.scalars(
            _END_UNSTARTED if of_replay is None else _END_UNSTARTED_OF_REPLAY,
            {
                "batch_id": batch_id,
                **({} if of_replay is None else {"function_id": owner.function_id}),
                "of_all": reason is not None,
                "is_timeout": reason is StopReason.TIMED_OUT,
                "outcome": outcome,
                "at_most": at_most,
                "channel": INVOCATIONS_CHANNEL,
            },
        )
        invocation_ids = [InvocationId(invocation_id) for invocation_id in ended]
        if not invocation_ids:
            return EndedInBatch(ended=0, is_complete=False)
        return EndedInBatch(ended=len(invocation_ids), is_complete=await self.number(batch_id, invocation_ids))


def locked_batch(batch_id: ColumnElement[str]) -> CTE:
    """The batch under the lock of its row, for `counted_in_batch`; what ends in it has the position `ended` + 1."""
    return (
        select(BatchRow.batch_id, BatchRow.ended).where(BatchRow.batch_id == batch_id).with_for_update(key_share=True)
    ).cte("locked_batch")


def counted_in_batch(batch: CTE, ended: CTE) -> CTE:
    """One invocation that ended in this statement is counted in its batch, which is notified: `is_complete`. None if
    none did. `ended`: with its outcome."""
    return (
        update(BatchRow)
        .where(BatchRow.batch_id == batch.c.batch_id, BatchRow.batch_id == ended.c.batch_id)
        .values(
            ended=BatchRow.ended + 1,
            **{
                count: getattr(BatchRow, count) + case((ended.c.outcome == outcome.value, 1), else_=0)
                for count, outcome in _COUNTS.items()
            },
            last_update_time=func.clock_timestamp(),
            completion_time=case((BatchRow.ended + 1 >= BatchRow.size, func.clock_timestamp())),
        )
        .returning(
            BatchRow.completion_time.is_not(None).label("is_complete"),
            func.pg_notify(INVOCATIONS_CHANNEL, BatchRow.batch_id),
        )
        .cte("counted_in_batch")
    )


_COUNTS = {
    "succeeded": InvocationOutcome.SUCCEEDED,
    "failed": InvocationOutcome.FAILED,
    "cancelled": InvocationOutcome.CANCELLED,
    "timed_out": InvocationOutcome.TIMED_OUT,
    "aborted": InvocationOutcome.ABORTED,
}
# The lock of the batch's row comes first, and what is counted is counted under it.
_NUMBER = text("""
    WITH locked AS MATERIALIZED (
        SELECT batch_id, ended, size FROM batches WHERE batch_id = :batch_id FOR NO KEY UPDATE
    ), unnumbered AS MATERIALIZED (
        SELECT invocation_id, outcome, row_number() OVER (ORDER BY batch_index) AS number
        FROM invocations, locked
        WHERE invocation_id = ANY(CAST(:invocation_ids AS text[])) AND invocations.batch_id = locked.batch_id
            AND status = 'TERMINATED' AND batch_position IS NULL
    ), counted AS (
        SELECT count(*) AS ended,
            count(*) FILTER (WHERE outcome = 'SUCCEEDED') AS succeeded,
            count(*) FILTER (WHERE outcome = 'FAILED') AS failed,
            count(*) FILTER (WHERE outcome = 'CANCELLED') AS cancelled,
            count(*) FILTER (WHERE outcome = 'TIMED_OUT') AS timed_out,
            count(*) FILTER (WHERE outcome = 'ABORTED') AS aborted
        FROM unnumbered
    ), numbered AS (
        UPDATE invocations SET batch_position = locked.ended + unnumbered.number
        FROM unnumbered, locked WHERE invocations.invocation_id = unnumbered.invocation_id
    )
    UPDATE batches SET
        ended = batches.ended + counted.ended,
        succeeded = batches.succeeded + counted.succeeded,
        failed = batches.failed + counted.failed,
        cancelled = batches.cancelled + counted.cancelled,
        timed_out = batches.timed_out + counted.timed_out,
        aborted = batches.aborted + counted.aborted,
        last_update_time = clock_timestamp(),
        completion_time = CASE WHEN batches.ended + counted.ended >= batches.size THEN clock_timestamp() END
    FROM counted, locked
    WHERE batches.batch_id = locked.batch_id AND counted.ended > 0
    RETURNING batches.completion_time IS NOT NULL, pg_notify(:channel, batches.batch_id)
    """)
# A place in the queue and no execution: it has not begun. Signalled and never started is how clients tell a stop.
_MEASURED = measured_at_end(
    ExecutionRow.__table__, ENDING.invocation_id.in_(select(literal_column("invocation_id FROM unstarted")))
)
_END = ", ".join(
    f"{name} = {as_text(value)}"
    for name, value in end_values(_MEASURED, outcome=literal_column("unstarted.outcome")).items()
)
_ENDED = table("ended", *(column(ended.key, ended.type) for ended in ENDED_COLUMNS))
# From its creation, as nothing of it has begun.
DEADLINE_OF_UNSTARTED = """(
    SELECT invocations.creation_time + make_interval(secs => least(
        timeout_seconds, coalesce(invocations.queue_timeout_seconds, functions.queue_timeout_seconds)
    ))
    FROM functions WHERE functions.function_id = invocations.function_id
)"""
_OF_BATCH = "(:of_all OR cancellation_request_time IS NOT NULL)"
_OF_REPLAY = f"""function_id = :function_id AND (
    cancellation_request_time IS NOT NULL
    OR CASE WHEN :is_timeout THEN {DEADLINE_OF_UNSTARTED} <= clock_timestamp() ELSE :of_all END
)"""
_END_UNSTARTED, _END_UNSTARTED_OF_REPLAY = (text(f"""
    WITH unstarted AS MATERIALIZED (
        SELECT invocation_id,
            CASE WHEN cancellation_request_time IS NULL THEN :outcome ELSE 'CANCELLED' END AS outcome
        FROM invocations
        WHERE batch_id = :batch_id AND status = 'RUNNING' AND {which}
            AND NOT EXISTS (SELECT FROM executions WHERE executions.invocation_id = invocations.invocation_id)
        ORDER BY batch_index LIMIT :at_most
        FOR NO KEY UPDATE
    ), dequeued AS (
        DELETE FROM waiting_executions WHERE invocation_id IN (SELECT invocation_id FROM unstarted)
    ), ended AS (
        UPDATE invocations SET
            status = 'TERMINATED',
            {_END},
            stop_time = coalesce(stop_time, statement_timestamp()),
            cancellation_request_time = CASE
                WHEN :is_timeout THEN cancellation_request_time
                ELSE coalesce(cancellation_request_time, statement_timestamp())
            END,
            last_update_time = clock_timestamp()
        FROM unstarted JOIN ({as_text(_MEASURED.element)}) AS measured USING (invocation_id)
        WHERE invocations.invocation_id = unstarted.invocation_id
        RETURNING {", ".join(f"invocations.{ended.key}" for ended in ENDED_COLUMNS)}
    ), noted_deliveries AS ({as_text(noted_deliveries(_ENDED).element)})
    SELECT invocation_id, pg_notify(:channel, invocation_id) FROM ended
    """) for which in (_OF_BATCH, _OF_REPLAY))
