"""What is stored with an invocation's end, and worked out for one that has none stored: one piece of SQL for both.

An execution is queued until it has a slot, then starting until its container starts it, then running. The sums over
all executions of an invocation are stored with its end, in milliseconds.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ClauseElement,
    FromClause,
    Label,
    Numeric,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.ranks import waits_from
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import (
    ContainerStatus,
    ExecutionOutcome,
    FunctionStatus,
    InvocationOutcome,
    InvocationStatus,
    InvocationTotals,
)

MOST_CHARACTERS = 500  # of an error message that is listed, its ellipsis included
_ELLIPSIS = "…"
# A time-out names what took at least a tenth of the time.
_NOTABLE_SHARE = 10
_Time = ColumnElement[Any] | InstrumentedAttribute[Any]
_MEASURED = (
    "execution_id",
    "invocation_id",
    "attempt",
    "container_status",
    "outcome",
    "error_message",
    "queued_ms",
    "creation_time",
    "last_update_time",
    "execution_start_time",
    "execution_finish_time",
)
PREVIOUS = aliased(ExecutionRow, name="previous")
ENDING = aliased(InvocationRow, name="ending")
_FUNCTION = aliased(FunctionRow, name="function_of_ending")
# What is measured of an execution.
MEASURED_COLUMNS = tuple(ExecutionRow.__table__.c[name] for name in _MEASURED)


def milliseconds(since: _Time, until: _Time) -> ColumnElement[int]:
    """From one time to another; 0 if that is earlier."""
    elapsed = func.round(func.extract("epoch", until - since) * 1000)
    return cast(func.greatest(elapsed, 0), BigInteger)


def waiting_since(
    *,
    attempt: ColumnElement[int],
    previous_end: _Time,
    invocation: type[InvocationRow],
    function: type[FunctionRow],
    previous_id: ColumnElement[Any] | InstrumentedAttribute[Any] | None,
) -> ColumnElement[Any]:
    """From when on an attempt waits for its slot: the invocation's creation, the end of its delay, or that of the
    back-off, which is that of `workflows.policies.backoff_after`. `previous_end`, `previous_id`: of the attempt before;
    null if there was none. Without a `previous_id` there are neither jitter nor delays."""
    exponent = func.greatest(attempt - 2, 0)
    backoff: ColumnElement[Any] = func.least(
        function.retry_initial_interval_seconds * func.power(function.retry_backoff_coefficient, exponent),
        function.retry_max_interval_seconds,
    )
    if previous_id is not None:
        drawn = cast(cast(literal("x", Text) + func.substr(previous_id, 5, 8), postgresql.BIT(32)), BigInteger)
        shortest = backoff * (1 - function.retry_jitter)
        longest = func.least(backoff * (1 + function.retry_jitter), function.retry_max_interval_seconds)
        backoff = case(
            (function.retry_jitter > 0, shortest + (longest - shortest) * drawn / literal(2**32, BigInteger)),
            else_=backoff,
        )
    begin = invocation.creation_time if previous_id is None else waits_from(invocation)
    return func.coalesce(previous_end + func.make_interval(0, 0, 0, 0, 0, 0, backoff), begin)


def is_previous(invocation_id: InstrumentedAttribute[str], attempt: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether PREVIOUS is the execution before this attempt of the invocation."""
    return and_(PREVIOUS.invocation_id == invocation_id, PREVIOUS.attempt == attempt - 1)


def measures(
    executions: FromClause,
    *,
    invocation: type[InvocationRow],
    function: type[FunctionRow],
    now: ColumnElement[Any],
    only_if: ColumnElement[bool] | None = None,
    knows_all_columns: bool = True,
) -> Select[*tuple[Any, ...]]:
    """One row about an invocation: `attempts`, `queued_ms`, `starting_ms`, `running_ms`; `error`, the first line of
    what the deciding execution says, null if that is nothing; and `time_out`, which says what a time-out waited for.

    `executions`: with MEASURED_COLUMNS, some perhaps of other invocations. `now`: when the invocation ended, or the
    time up to which one that runs is measured. `only_if`: else its executions are not read, and all is as without any.
    `knows_all_columns`: False where the schema may be one of before there were jitter and delays.
    """
    sums = _sums(
        executions,
        invocation=invocation,
        function=function,
        now=now,
        only_if=only_if,
        knows_all_columns=knows_all_columns,
    ).subquery("sums")
    found = sums.c
    error = _first_line(found.error)
    return select(
        found.attempts,
        found.queued_ms,
        found.starting_ms,
        found.running_ms,
        error.label("error"),
        func.left(
            func.concat(
                "timed out after ",
                _seconds(found.total_ms),
                _share(found.queued_ms, found.total_ms, func.concat("in the queue: ", _why_queued(function))),
                _share(found.starting_ms, found.total_ms, literal("starting")),
                "; " + error,
            ),
            MOST_CHARACTERS,
        ).label("time_out"),
    ).correlate(invocation, function)


def _sums(
    executions: FromClause,
    *,
    invocation: type[InvocationRow],
    function: type[FunctionRow],
    now: ColumnElement[Any],
    only_if: ColumnElement[bool] | None,
    knows_all_columns: bool,
) -> Select[*tuple[Any, ...]]:
    own = executions.c
    is_over = own.container_status == ContainerStatus.TERMINATED.value
    one = (
        select(
            own.attempt,
            own.execution_id,
            own.outcome,
            own.error_message,
            own.queued_ms,
            own.creation_time,
            own.execution_start_time,
            own.execution_finish_time,
            case((is_over, own.last_update_time), else_=now).label("end_time"),
            func.lag(own.last_update_time).over(order_by=own.attempt).label("previous_end"),
            func.lag(own.execution_id).over(order_by=own.attempt).label("previous_id"),
        )
        .where(own.invocation_id == invocation.invocation_id, *(() if only_if is None else (only_if,)))
        .correlate(invocation, function)
        .subquery("one")
        .c
    )
    attempts = func.count(one.attempt)
    waited_since = waiting_since(
        attempt=one.attempt,
        previous_end=one.previous_end,
        previous_id=one.previous_id if knows_all_columns else None,
        invocation=invocation,
        function=function,
    )
    # Releases wrote no queued_ms once.
    queued = func.coalesce(one.queued_ms, milliseconds(waited_since, one.creation_time))
    # An attempt that has no slot waits, unless the one before is under way, or its back-off.
    last_id = func.array_agg(aggregate_order_by(one.execution_id, one.attempt.desc()))[1]
    waits_since = waiting_since(
        attempt=attempts + 1,
        previous_end=func.max(one.end_time),
        previous_id=last_id if knows_all_columns else None,
        invocation=invocation,
        function=function,
    )
    running_until = func.coalesce(one.execution_finish_time, one.end_time)
    running = case(
        (one.execution_start_time.is_not(None), milliseconds(one.execution_start_time, running_until)), else_=0
    )
    is_success = one.outcome.is_not_distinct_from(ExecutionOutcome.SUCCEEDED.value)
    errors = func.array_agg(aggregate_order_by(one.error_message, is_success.desc(), one.attempt.desc()))
    return select(
        attempts.label("attempts"),
        (_sum(queued) + milliseconds(waits_since, now)).label("queued_ms"),
        _sum(milliseconds(one.creation_time, func.coalesce(one.execution_start_time, one.end_time))).label(
            "starting_ms"
        ),
        _sum(running).label("running_ms"),
        milliseconds(waits_from(invocation) if knows_all_columns else invocation.creation_time, now).label("total_ms"),
        errors[1].label("error"),
    ).correlate(invocation, function)


def _sum(of_each: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(cast(func.sum(of_each), BigInteger), 0)


def executions_after(changed: CTE, invocation_id: ColumnElement[Any]) -> Subquery:
    """The executions of an invocation as they are after the same statement has changed some of them. `changed`: with
    their ids and MEASURED_COLUMNS."""
    others = select(*MEASURED_COLUMNS).where(
        ExecutionRow.invocation_id == invocation_id,
        ExecutionRow.execution_id.not_in(select(changed.c.execution_id)),
    )
    return union_all(select(*(changed.c[column.key] for column in MEASURED_COLUMNS)), others).subquery("executions_now")


def measured_at_end(executions: FromClause, is_ending: ColumnElement[bool]) -> Subquery:
    """The `measures` of invocations that end now, by their ids, for `end_values` of an update of their rows.
    `is_ending`: of ENDING. It reads nothing of a row that the update may find changed."""
    found = measures(executions, invocation=ENDING, function=_FUNCTION, now=func.clock_timestamp()).lateral("found")
    return (
        select(ENDING.invocation_id, *found.c)
        .select_from(ENDING)
        .join(_FUNCTION, _FUNCTION.function_id == ENDING.function_id)
        .join(found, true())
        .where(is_ending)
        .subquery("measured")
    )


def end_values(measured: FromClause, *, outcome: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """The columns of an InvocationRow that tell how it ended. `measured`: its `measures`."""
    return {
        "outcome": outcome,
        "error_message": error_of(outcome, measured),
        "attempts": measured.c.attempts,
        "queued_ms": measured.c.queued_ms,
        "starting_ms": measured.c.starting_ms,
        "running_ms": measured.c.running_ms,
    }


def error_of(outcome: ColumnElement[Any], measured: FromClause) -> ColumnElement[Any]:
    return case(
        (outcome == InvocationOutcome.TIMED_OUT.value, measured.c.time_out),
        (outcome != InvocationOutcome.SUCCEEDED.value, measured.c.error),
    )


def _first_line(message: ColumnElement[Any]) -> ColumnElement[Any]:
    line = func.rtrim(func.split_part(func.ltrim(message, " \r\n\t"), "\n", 1))
    return case(
        (func.length(line) > MOST_CHARACTERS, func.left(line, MOST_CHARACTERS - 1) + _ELLIPSIS),
        else_=line,
    )


def _share(part_ms: ColumnElement[int], total_ms: ColumnElement[int], doing: ColumnElement[str]) -> ColumnElement[Any]:
    return case(
        (
            and_(part_ms > 0, part_ms * _NOTABLE_SHARE >= total_ms),
            func.concat(", ", _seconds(part_ms), " of it ", doing),
        )
    )


def _why_queued(function: type[FunctionRow]) -> ColumnElement[Any]:
    return case(
        (
            function.status == FunctionStatus.READY.value,
            func.concat("max_concurrency ", function.max_concurrency),
        ),
        else_="the function is not ready",
    )


def _seconds(ms: ColumnElement[int]) -> ColumnElement[Any]:
    return func.concat(func.trim_scale(func.round(cast(ms, Numeric) / 1000, 1)), " s")


def _measured_now(*, knows_all_columns: bool = True) -> FromClause:
    """Of InvocationRows with their FunctionRows: `measures` of those that have none stored, as they run, or as a
    release has ended them that stored none. The executions of all others are not read."""
    return (
        measures(
            ExecutionRow.__table__,
            invocation=InvocationRow,
            function=FunctionRow,
            now=case(
                (InvocationRow.status == InvocationStatus.TERMINATED.value, InvocationRow.last_update_time),
                else_=func.clock_timestamp(),
            ),
            only_if=InvocationRow.attempts.is_(None),
            knows_all_columns=knows_all_columns,
        )
        .where(InvocationRow.attempts.is_(None))
        .lateral("measured_now")
    )


def known_end(measured: FromClause) -> tuple[Label[Any], ...]:
    """What `to_totals` reads, and the first line of the error, of a statement that is left joined with `measured`."""
    return (
        func.coalesce(InvocationRow.error_message, error_of(known_outcome(), measured)).label("known_error"),
        *(
            func.coalesce(stored, measured.c[stored.key]).label(f"known_{stored.key}")
            for stored in (
                InvocationRow.attempts,
                InvocationRow.queued_ms,
                InvocationRow.starting_ms,
                InvocationRow.running_ms,
            )
        ),
    )


MEASURED_NOW = _measured_now()
KNOWN_END = known_end(MEASURED_NOW)
# For a migration.
MEASURED_BY_FIRST_COLUMNS = _measured_now(knows_all_columns=False)


def to_totals(row: Row[*tuple[Any, ...]]) -> InvocationTotals:
    return InvocationTotals(
        attempts=row.known_attempts,
        queued_ms=row.known_queued_ms,
        starting_ms=row.known_starting_ms,
        running_ms=row.known_running_ms,
    )


def as_text(element: ClauseElement) -> str:
    """For statements that are written as text."""
    compiled = element.compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}  # type: ignore[no-untyped-call]
    )
    return str(compiled).replace("%%", "%").replace(":", "\\:")
