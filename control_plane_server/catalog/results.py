"""Results read one after the other: of a batch by their positions, or of invocations that somebody waits for.

A page is bounded by its bytes too: outputs may be long, and many read at once.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Integer, Row, Select, Text, any_, bindparam, case, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.converters import to_blob_id
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.outcomes import is_last_outcome, is_success, known_outcome, outcome_after
from control_plane_server.catalog.tables import BatchRow, ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.batches import BatchResult, InvocationReport
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus
from control_plane_server.domain.errors import BatchDoesNotExist
from control_plane_server.domain.identifiers import BatchId, ExecutionId, InvocationId

MOST_RESULTS = 200
MOST_BYTES = 1024 * 1024  # of outputs and errors, if there is more than one result

_BATCH = bindparam("read_batch", type_=Text)
_AFTER = bindparam("read_after", type_=Integer)
_IDS = bindparam("awaited_invocations", type_=ARRAY(Text))
_PARENT = bindparam("awaited_parent", type_=Text)

# The execution that a result is of.
_DECIDING = (
    select(
        ExecutionRow.execution_id,
        ExecutionRow.attempt,
        ExecutionRow.outcome.label("execution_outcome"),
        ExecutionRow.output,
        ExecutionRow.error_message,
        ExecutionRow.error_traceback,
        (
            func.coalesce(func.octet_length(ExecutionRow.output), 0)
            + func.coalesce(func.octet_length(ExecutionRow.error_message), 0)
            + func.coalesce(func.octet_length(ExecutionRow.error_traceback), 0)
        ).label("bytes"),
        is_last_outcome(ExecutionRow).label("is_last"),
    )
    .where(ExecutionRow.invocation_id == InvocationRow.invocation_id)
    .order_by(is_success(ExecutionRow).desc(), ExecutionRow.attempt.desc())
    .limit(1)
    .correlate(InvocationRow, FunctionRow)
    .lateral("deciding")
)


def _bounded(
    place: InstrumentedAttribute[Any], outcome: ColumnElement[Any], *conditions: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """The first results in the order of `place`: MOST_RESULTS, and MOST_BYTES but for the first one. Sizes are known
    without reading the texts, which is done for those that are within the bounds."""
    sized = (
        select(
            place.label("place"),
            InvocationRow.batch_index,
            InvocationRow.invocation_id,
            outcome.label("outcome"),
            InvocationRow.error_message.label("known_error"),
            _DECIDING.c.execution_id,
            _DECIDING.c.attempt,
            func.sum(_DECIDING.c.bytes, type_=BigInteger).over(order_by=place).label("bytes_so_far"),
            func.row_number().over(order_by=place).label("number"),
        )
        .select_from(InvocationRow)
        .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
        .join(_DECIDING, true(), isouter=True)
        .where(*conditions)
        .order_by(place)
        .limit(MOST_RESULTS)
        .cte("sized")
    )
    # Of a time-out it is stored what was waited for.
    time_out = case((sized.c.outcome == InvocationOutcome.TIMED_OUT.value, sized.c.known_error))
    error_message = func.coalesce(time_out, ExecutionRow.error_message).label("error_message")
    return (
        select(sized, ExecutionRow.output, ExecutionRow.output_blob_id, error_message, ExecutionRow.error_traceback)
        .outerjoin(ExecutionRow, ExecutionRow.execution_id == sized.c.execution_id)
        .where(or_(sized.c.number == 1, func.coalesce(sized.c.bytes_so_far, 0) <= MOST_BYTES))
        .order_by(sized.c.place)
    )


_OF_BATCH = _bounded(
    InvocationRow.batch_position,
    known_outcome(),
    InvocationRow.batch_id == _BATCH,
    InvocationRow.batch_position > _AFTER,
    # The results of a page, as positions have no gaps: what lies behind is not sorted.
    InvocationRow.batch_position <= _AFTER + MOST_RESULTS,
)
_ENDED = select(BatchRow.ended).where(BatchRow.batch_id == _BATCH)
# As `Invocation.is_settled`: what has ended, and what will end so whatever comes.
_SETTLED = _bounded(
    InvocationRow.invocation_id,
    func.coalesce(known_outcome(), outcome_after(_DECIDING.c.execution_outcome, InvocationRow)),
    InvocationRow.invocation_id == any_(_IDS),
    or_(InvocationRow.status == InvocationStatus.TERMINATED.value, _DECIDING.c.is_last),
)
_EXISTING = select(InvocationRow.invocation_id).where(
    InvocationRow.invocation_id == any_(_IDS), or_(_PARENT.is_(None), InvocationRow.parent_invocation_id == _PARENT)
)


class ResultRepository:
    """Reads only."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def of_batch(self, batch_id: BatchId, *, after: int) -> list[BatchResult]:
        """The results behind this position, in their order, a page of them; none if there are none yet.

        Raises BatchDoesNotExist if it was deleted, or some of its results, as by retention.
        """
        results = await self._page(batch_id, after)
        if not results and after < await self._ended(batch_id):
            results = await self._page(batch_id, after)  # they came in between
            if not results:
                raise BatchDoesNotExist
        if results and results[0].position != after + 1:
            raise BatchDoesNotExist
        return results

    async def settled(self, invocation_ids: Collection[InvocationId]) -> list[InvocationReport]:
        """Those of these invocations whose outcome is known, a page of them in the order of their ids."""
        found = await self._connection.execute(_SETTLED, {_IDS.key: list(invocation_ids)})
        return [_to_report(row) for row in found]

    async def existing(self, invocation_ids: Collection[str], *, parent: InvocationId | None) -> set[InvocationId]:
        """Those that exist; with a `parent` those that are its children."""
        found = await self._connection.scalars(_EXISTING, {_IDS.key: list(invocation_ids), _PARENT.key: parent})
        return set(map(InvocationId, found))

    async def _page(self, batch_id: BatchId, after: int) -> list[BatchResult]:
        found = await self._connection.execute(_OF_BATCH, {_BATCH.key: batch_id, _AFTER.key: after})
        return [BatchResult(position=row.place, index=row.batch_index, report=_to_report(row)) for row in found]

    async def _ended(self, batch_id: BatchId) -> int:
        ended: int | None = await self._connection.scalar(_ENDED, {_BATCH.key: batch_id})
        if ended is None:
            raise BatchDoesNotExist
        return ended


def _to_report(row: Row[*tuple[Any, ...]]) -> InvocationReport:
    return InvocationReport(
        invocation_id=InvocationId(row.invocation_id),
        outcome=InvocationOutcome(row.outcome),
        output=row.output,
        error_message=row.error_message,
        error_traceback=row.error_traceback,
        output_blob_id=to_blob_id(row.output_blob_id),
        execution_id=None if row.execution_id is None else ExecutionId(row.execution_id),
        attempts=row.attempt or 0,
    )
