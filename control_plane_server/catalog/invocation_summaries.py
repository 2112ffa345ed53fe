"""Invocations as lists show them: without inputs, executions and the function's settings."""

from typing import Any

from sqlalchemy import Row, Select, true
from sqlalchemy.orm import aliased

from control_plane_server.catalog.converters import to_replayed_from
from control_plane_server.catalog.ends import KNOWN_END, MEASURED_NOW, to_totals
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.submit_options import OPTIONS, to_options
from control_plane_server.catalog.tables import FunctionRow, InvocationRow
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus, InvocationSummary, ParentRef
from control_plane_server.domain.identifiers import BatchId, FunctionName, InvocationId

PARENT_FUNCTION = aliased(FunctionRow, name="parent_function")
PARENT = aliased(InvocationRow, name="parent")

OWN_SUMMARY = (
    InvocationRow.invocation_id,
    InvocationRow.parent_invocation_id,
    InvocationRow.cancellation_request_time,
    InvocationRow.status,
    known_outcome().label("outcome"),
    *KNOWN_END,
    InvocationRow.batch_id,
    InvocationRow.replayed_from,
    *OPTIONS,
    InvocationRow.schedule_name,
    InvocationRow.creation_time,
    InvocationRow.last_update_time,
)
# What `to_summary` reads, of a statement `with_parent`.
SUMMARY = (*OWN_SUMMARY, PARENT_FUNCTION.function_name.label("parent_function_name"))


def with_parent(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """A select of InvocationRow and FunctionRow, with its parent and the parent's function."""
    return (
        statement.outerjoin(MEASURED_NOW, true())
        .outerjoin(PARENT, PARENT.invocation_id == InvocationRow.parent_invocation_id)
        .outerjoin(PARENT_FUNCTION, PARENT_FUNCTION.function_id == PARENT.function_id)
    )


def to_summary(row: Row[*tuple[Any, ...]]) -> InvocationSummary:
    return InvocationSummary(
        invocation_id=InvocationId(row.invocation_id),
        parent=_parent(row.parent_function_name, row.parent_invocation_id),
        cancellation_request_time=row.cancellation_request_time,
        status=InvocationStatus(row.status),
        outcome=None if row.outcome is None else InvocationOutcome(row.outcome),
        error_message=row.known_error,
        totals=to_totals(row),
        batch_id=None if row.batch_id is None else BatchId(row.batch_id),
        options=to_options(row),
        creation_time=row.creation_time,
        last_update_time=row.last_update_time,
        schedule_name=row.schedule_name,
        replayed_from=to_replayed_from(row.replayed_from),
    )


def _parent(function_name: str | None, invocation_id: str | None) -> ParentRef | None:
    if function_name is None or invocation_id is None:
        return None
    return ParentRef(function_name=FunctionName(function_name), invocation_id=InvocationId(invocation_id))
