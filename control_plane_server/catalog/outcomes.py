"""How an invocation comes out, as SQL: recorded with its end, or worked out from its executions.

The rule is that of `InvocationWorkflow`: a success stays one whatever came after it, a stop is the outcome of whatever
has not succeeded, and else the last attempt's outcome is the invocation's.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Text, and_, case, literal, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome, InvocationStatus

# A cancellation that came by Temporal is written with the stop, by two readings of the clock.
_SAME_TIME = timedelta(milliseconds=1)
_EXECUTION = aliased(ExecutionRow, name="execution_with_outcome")


def _outcome(outcome: InvocationOutcome) -> ColumnElement[str]:
    return literal(outcome.value, Text)


def outcome_of_stop(invocation: type[InvocationRow]) -> ColumnElement[str]:
    """Of a stopped invocation that did not succeed: timed out, unless its cancellation was requested first."""
    return case(
        (
            and_(
                invocation.stop_time.is_not(None),
                or_(
                    invocation.cancellation_request_time.is_(None),
                    invocation.cancellation_request_time > invocation.stop_time + _SAME_TIME,
                ),
            ),
            _outcome(InvocationOutcome.TIMED_OUT),
        ),
        else_=_outcome(InvocationOutcome.CANCELLED),
    )


def outcome_after(execution_outcome: ColumnElement[Any], invocation: type[InvocationRow]) -> ColumnElement[str]:
    """The outcome of an invocation whose deciding execution has this one; null: it reported none, or there was none."""
    return case(
        (execution_outcome == ExecutionOutcome.SUCCEEDED.value, _outcome(InvocationOutcome.SUCCEEDED)),
        (
            or_(invocation.stop_time.is_not(None), invocation.cancellation_request_time.is_not(None)),
            outcome_of_stop(invocation),
        ),
        (execution_outcome == ExecutionOutcome.ABORTED.value, _outcome(InvocationOutcome.ABORTED)),
        else_=_outcome(InvocationOutcome.FAILED),
    )


def known_outcome() -> ColumnElement[str | None]:
    """The outcome of an InvocationRow, null while it is RUNNING. What an earlier release has ended has none recorded:
    only of those the executions are read."""
    deciding = (
        select(_EXECUTION.outcome)
        .where(_EXECUTION.invocation_id == InvocationRow.invocation_id)
        .order_by(is_success(_EXECUTION).desc(), _EXECUTION.attempt.desc())
        .limit(1)
        .scalar_subquery()
    )
    return case(
        (InvocationRow.status != InvocationStatus.TERMINATED.value, None),
        (InvocationRow.outcome.is_not(None), InvocationRow.outcome),
        else_=outcome_after(deciding, InvocationRow),
    )


def is_success(execution: type[ExecutionRow]) -> ColumnElement[bool]:
    """Never null, for an order in which a success comes first."""
    return execution.outcome.is_not_distinct_from(ExecutionOutcome.SUCCEEDED.value)


def is_last_outcome(execution: type[ExecutionRow]) -> ColumnElement[bool]:
    """Whether no further attempt follows the execution, of a FunctionRow, so that the invocation's outcome is known."""
    return or_(
        execution.outcome.in_([ExecutionOutcome.SUCCEEDED.value, ExecutionOutcome.ABORTED.value]),
        and_(
            execution.outcome == ExecutionOutcome.FAILED.value,
            or_(execution.is_retryable.is_(False), execution.attempt > FunctionRow.max_retries),
        ),
    )
