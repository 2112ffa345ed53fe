"""An execution's launches, each recorded before it is sent, and its container, recorded when it is found.

Statements that commit one by one, each conditional.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, Text, and_, bindparam, case, func, or_, select, update

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.ends import milliseconds
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerStatus, InvocationStatus
from control_plane_server.domain.identifiers import ExecutionId, InvocationId
from control_plane_server.domain.reasons import storable


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """`number`: counted from 1. `age`: how long ago it was recorded. `is_new`: this call recorded it, so that it was
    not sent before. `interruptions`: how many containers before it infrastructure took. `without_capacity`: for how
    long launches just before it had been refused when it was recorded. `failed_starts`: how many containers in a row
    just before it never ran, refused launches between them aside."""

    number: int
    age: timedelta
    is_new: bool
    interruptions: int = 0
    without_capacity: timedelta = timedelta()
    failed_starts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """`has_reported`: an outcome, or an abort, which becomes the outcome unless infrastructure ended the container;
    `has_outcome`: the former.
    `running_for`: since the container started the execution; None: it has not yet. `reported_for`, `stopping_for`:
    since it reported, and since it was to stop.

    `launch`: the newest one. `is_released`: a warm container has let go of the execution; `exit_code`: of its process
    there, if that did not report. `is_warm_start`: the newest launch was given one that was there. `is_over`: its end
    is recorded.

    `is_known`: else the catalog has no such execution. It was deleted with its project, and the container must stop;
    or, if the invocation runs, the catalog was restored from a backup: then the container is found again, and need not.
    """

    has_reported: bool
    must_stop: bool
    has_outcome: bool = False
    is_known: bool = True
    running_for: timedelta | None = None
    reported_for: timedelta | None = None
    stopping_for: timedelta | None = None
    launch: int = 0
    is_released: bool = False
    exit_code: int | None = None
    is_warm_start: bool = False
    is_over: bool = False


_EXECUTION = bindparam("launched_execution", type_=Text)
_INVOCATION = bindparam("launched_invocation", type_=Text)
_LAUNCH = bindparam("launch_number", type_=Integer)
_TYPE = bindparam("found_type", type_=Text)
_IDENTIFIER = bindparam("found_identifier", type_=Text)
_LOGS_IDENTIFIER = bindparam("found_logs_identifier", type_=Text)

_RECORD_CONTAINER = (
    update(ExecutionRow)
    .where(
        ExecutionRow.execution_id == _EXECUTION,
        ExecutionRow.launches == _LAUNCH,
        ExecutionRow.container_status != ContainerStatus.TERMINATED,
    )
    .values(
        container_status=ContainerStatus.RUNNING,
        container_type=_TYPE,
        container_identifier=_IDENTIFIER,
        logs_identifier=_LOGS_IDENTIFIER,
        # What was waited for is there; but a quick container may have said already why it failed.
        error_message=case((ExecutionRow.outcome.is_not(None), ExecutionRow.error_message)),
        last_update_time=func.clock_timestamp(),
    )
    .returning(ExecutionRow.termination_signal_time.is_(None))
)
_INVOCATION_RUNS = select(InvocationRow.status == InvocationStatus.RUNNING).where(
    InvocationRow.invocation_id == _INVOCATION
)
_STATE = select(
    ExecutionRow.execution_finish_time,
    ExecutionRow.outcome,
    ExecutionRow.termination_signal_time,
    (func.clock_timestamp() - ExecutionRow.execution_start_time).label("running_for"),
    (func.clock_timestamp() - ExecutionRow.execution_finish_time).label("reported_for"),
    (func.clock_timestamp() - ExecutionRow.termination_signal_time).label("stopping_for"),
    ExecutionRow.launches,
    ExecutionRow.released_time,
    ExecutionRow.exit_code,
    ExecutionRow.is_warm_start,
    (ExecutionRow.container_status == ContainerStatus.TERMINATED).label("is_over"),
).where(ExecutionRow.execution_id == _EXECUTION)


# The current launch of an execution, as `to_launch` reads it.
LAUNCH = (
    ExecutionRow.launches,
    (func.clock_timestamp() - ExecutionRow.launch_time).label("launch_age"),
    ExecutionRow.refused_launches,
    (ExecutionRow.launch_time - ExecutionRow.refused_since).label("without_capacity"),
    ExecutionRow.failed_starts,
)
_REFUSED_SINCE = func.coalesce(ExecutionRow.refused_since, ExecutionRow.launch_time)


def to_launch(row: Row[*tuple[Any, ...]], *, is_new: bool) -> Launch:
    """Of a row that has LAUNCH, and of whose execution a launch is noted."""
    return Launch(
        number=row.launches,
        age=timedelta() if is_new else row.launch_age,
        is_new=is_new,
        interruptions=row.launches - 1 - row.refused_launches,
        without_capacity=row.without_capacity or timedelta(),
        failed_starts=row.failed_starts,
    )


# How long the container of the newest launch ran, if it is known to have had one. Added up where another one comes.
_RAN_MS = case(
    (
        or_(ExecutionRow.container_identifier.is_not(None), ExecutionRow.execution_start_time.is_not(None)),
        milliseconds(ExecutionRow.launch_time, func.clock_timestamp()),
    ),
    else_=0,
)


def _earlier_launches_ms(*, started_none: bool) -> ColumnElement[int | None]:
    """With the newest launch. Where a release that wrote none began another one, those before it are not known: a sum
    of the others would be too low."""
    ran = 0 if started_none else _RAN_MS  # whatever was there of one that was refused, it did not run
    return case(
        (
            and_(ExecutionRow.earlier_launches_ms.is_(None), ExecutionRow.launches - ExecutionRow.refused_launches > 1),
            None,
        ),
        else_=func.coalesce(ExecutionRow.earlier_launches_ms, 0) + ran,
    )


def _failed_starts(*, started_none: bool, failed_to_start: bool) -> ColumnElement[int] | int:
    """With the newest launch. One that was refused for want of capacity says nothing of whether others could start."""
    if started_none:
        return ExecutionRow.failed_starts.expression
    return ExecutionRow.failed_starts + 1 if failed_to_start else 0


class LaunchRepository:
    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def begin_another(
        self,
        over: ContainerName,
        *,
        reason: str,
        was_refused: bool = False,
        failed_to_start: bool = False,
        was_undelivered: bool = False,
    ) -> Launch | None:
        """Note a launch in place of one that is over: infrastructure took its container, or it was refused and none
        ever ran, or its container failed to start. Until the next container is there, the reason is shown as the
        execution's error message. `was_undelivered`: it has a warm container, which may begin it at any moment: then it
        is over only by this, and not if it has begun.

        Returns the launch to go on with. Another process may have been faster: then it is that one's. None if there
        must be no further one: the execution is stopped, has an outcome, or has ended. An abort that the container
        reported though we had not stopped it is not its outcome: infrastructure told it to end.
        """
        may_be_launched = (
            ExecutionRow.execution_id == over.execution_id,
            ExecutionRow.container_status != ContainerStatus.TERMINATED,
            ExecutionRow.termination_signal_time.is_(None),
            ExecutionRow.outcome.is_(None),
        )
        is_unstarted = (ExecutionRow.execution_start_time.is_(None),) if was_undelivered else ()
        started_none = was_refused or was_undelivered
        begun = await self._connection.execute(
            update(ExecutionRow)
            .where(*may_be_launched, *is_unstarted, ExecutionRow.launches == over.launch)
            .values(
                launches=over.launch + 1,
                refused_launches=ExecutionRow.refused_launches + int(started_none),
                earlier_launches_ms=_earlier_launches_ms(started_none=started_none),
                launch_time=func.clock_timestamp(),
                refused_since=_REFUSED_SINCE if was_refused else None,
                failed_starts=_failed_starts(started_none=started_none, failed_to_start=failed_to_start),
                container_status=ContainerStatus.PROVISIONING,
                container_type=None,
                container_identifier=None,
                logs_identifier=None,
                error_message=storable(reason),
                error_traceback=None,
                output_blob_id=None,
                is_retryable=None,  # of the report of a container that is gone
                is_warm_start=None,
                released_time=None,
                exit_code=None,
                execution_start_time=None,  # the new container starts the execution anew
                execution_finish_time=None,
                last_update_time=func.clock_timestamp(),
            )
            .returning(*LAUNCH)
        )
        new = begun.one_or_none()
        if new is not None:
            return to_launch(new, is_new=True)
        others = (
            await self._connection.execute(select(*LAUNCH).where(*may_be_launched, ExecutionRow.launches > over.launch))
        ).one_or_none()
        return None if others is None else to_launch(others, is_new=False)

    async def record_container(self, container: Container) -> bool:
        """Note where the launch's container is found. False if it must not run: the execution was stopped or has ended
        meanwhile, or this launch was given up."""
        may_run: bool | None = await self._connection.scalar(
            _RECORD_CONTAINER,
            {
                _EXECUTION.key: container.name.execution_id,
                _LAUNCH.key: container.name.launch,
                _TYPE.key: container.details.type,
                _IDENTIFIER.key: container.details.identifier,
                _LOGS_IDENTIFIER.key: container.details.logs_identifier,
            },
        )
        return bool(may_run)

    async def state(self, execution_id: ExecutionId, *, invocation_id: InvocationId) -> ContainerState:
        """Whether the execution has reported, and whether its container must stop."""
        row = (await self._connection.execute(_STATE, {_EXECUTION.key: execution_id})).one_or_none()
        if row is None:
            runs = await self._connection.scalar(_INVOCATION_RUNS, {_INVOCATION.key: invocation_id})
            return ContainerState(has_reported=False, must_stop=not runs, is_known=False)
        return ContainerState(
            has_reported=row.execution_finish_time is not None,
            has_outcome=row.outcome is not None,
            must_stop=row.termination_signal_time is not None,
            running_for=row.running_for,
            reported_for=row.reported_for,
            stopping_for=row.stopping_for,
            launch=row.launches,
            is_released=row.released_time is not None,
            exit_code=row.exit_code,
            is_warm_start=bool(row.is_warm_start),
            is_over=row.is_over,
        )
