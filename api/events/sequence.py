"""The order of an invocation's events: a pure function of what is stored and of the reader's position.

So a reader that goes on from any event, on any process, gets the same events as one that was never interrupted. That
holds for what stays recorded. What the catalog replaces is sent only to those who read it in time: progress that newer
progress replaces, why a container is waited for, containers that infrastructure ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from api.events.positions import Position, Stage, digest_of
from api.schemas.events import EndEvent, LogEvent, ProgressEvent, StateEvent
from api.schemas.times import epoch_seconds
from control_plane_server.catalog.invocation_snapshots import ExecutionSnapshot, InvocationSnapshot
from control_plane_server.domain.containers import LogPage
from control_plane_server.domain.entities import ContainerStatus, ExecutionOutcome, InvocationStatus
from control_plane_server.domain.errors import OffsetIsInvalid

Event = StateEvent | ProgressEvent | LogEvent | EndEvent

_GAP = (
    "[control-plane] The log cannot be read now: lines are missing from here on. Read it later with get_execution_logs."
)
_WORKER_STATUS = {
    Stage.CREATED: ContainerStatus.PENDING,
    Stage.PROVISIONING: ContainerStatus.PROVISIONING,
    Stage.DELAYED: ContainerStatus.PROVISIONING,
    Stage.RUNNING: ContainerStatus.RUNNING,
    Stage.STARTED: ContainerStatus.RUNNING,
    Stage.FINISHED: ContainerStatus.RUNNING,
    Stage.TERMINATED: ContainerStatus.TERMINATED,
}


class LogState(IntEnum):
    """How much of the log of the current execution has been sent."""

    BEHIND = 0
    CAUGHT_UP = 1  # all that there was when it was last read
    COMPLETE = 2  # all that there will be


# How much of an execution's log must have been sent before these stages.
_NEEDED_LOG = {Stage.FINISHED: LogState.CAUGHT_UP, Stage.TERMINATED: LogState.COMPLETE}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedEvent:
    """An event, and the reader's position behind it."""

    event: Event
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    stage: Stage
    time: datetime
    execution: ExecutionSnapshot | None


def current_execution(seen: InvocationSnapshot, at: Position) -> ExecutionSnapshot | None:
    """The execution at the reader's position; None before the first. Raises OffsetIsInvalid if there never was one."""
    if at.attempt == 0:
        return None
    for execution in seen.executions:
        if execution.attempt == at.attempt and execution.launch >= at.launch:
            return execution
    raise OffsetIsInvalid


def awaited_log(seen: InvocationSnapshot, at: Position) -> LogState:
    """How much of the log must be sent before the next change of state."""
    step = _next_step(seen, at)
    return LogState.BEHIND if step is None else _needed_log(step)


def next_event(seen: InvocationSnapshot, at: Position, *, log: LogState) -> StreamedEvent | None:
    """The next event that is not of the log; None if there is none, or if more of the log has to be sent first.

    Raises OffsetIsInvalid for a position that no reader of this invocation can have.
    """
    step = _next_step(seen, at)
    progress = _progress(current_execution(seen, at), at, step)
    if progress is not None:
        return progress
    if _is_cancelled_before(seen, at, step):
        return _cancellation(seen, at)
    if step is None or _needed_log(step) > log:
        return None
    return _end(step.execution, seen, at) if step.stage is Stage.OVER else _change(seen, at, step)


def log_events(page: LogPage, execution: ExecutionSnapshot, at: Position) -> Iterator[StreamedEvent]:
    """The lines of a page that was read at the position's log offset, without those that were sent before."""
    for number, entry in enumerate(page.entries[at.log_lines :], at.log_lines + 1):
        is_last = number == len(page.entries)
        yield StreamedEvent(
            event=LogEvent(
                execution_id=execution.execution_id, line=entry.line, time_ms=entry.time_ms, stream=entry.stream
            ),
            position=(
                replace(at, log_offset=page.next_offset, log_lines=0) if is_last else replace(at, log_lines=number)
            ),
        )


def log_gap(execution: ExecutionSnapshot, at: Position) -> StreamedEvent:
    """In place of the rest of a log that cannot be read. The reader's place in the log stays where it is."""
    return StreamedEvent(event=LogEvent(execution_id=execution.execution_id, line=_GAP), position=at)


def _next_step(seen: InvocationSnapshot, at: Position) -> _Step | None:
    if at.stage in (Stage.NOTHING, Stage.OVER):
        return _Step(stage=Stage.CREATED, time=seen.creation_time, execution=None) if at == Position() else None
    current = current_execution(seen, at)
    if at.stage is Stage.ENDED:
        return _Step(stage=Stage.OVER, time=seen.last_update_time, execution=current)
    if current is not None and at.stage < Stage.TERMINATED:
        has_moved_on = at.stage >= Stage.PROVISIONING and current.launch > at.launch
        done = Stage.CREATED if has_moved_on else at.stage
        return next((step for step in _steps(current) if step.stage > done), None)
    successor = next((execution for execution in seen.executions if execution.attempt > at.attempt), None)
    if successor is not None:
        return next(_steps(successor))
    has_ended = seen.status is InvocationStatus.TERMINATED
    return _Step(stage=Stage.ENDED, time=seen.last_update_time, execution=current) if has_ended else None


def _steps(execution: ExecutionSnapshot) -> Iterator[_Step]:
    """The steps that the execution's row shows, in order. When its container was found is not recorded: that step has
    the time of the launch."""

    def step(stage: Stage, time: datetime) -> _Step:
        return _Step(stage=stage, time=time, execution=execution)

    launch_time = execution.launch_time or execution.creation_time
    yield step(Stage.CREATED, execution.creation_time)
    if execution.launch > 0:
        yield step(Stage.PROVISIONING, launch_time)
    if execution.container_status is ContainerStatus.PROVISIONING and execution.error_message is not None:
        yield step(Stage.DELAYED, execution.last_update_time)
    if execution.container_details is not None or execution.execution_start_time is not None:
        yield step(Stage.RUNNING, launch_time)
    if execution.execution_start_time is not None:
        yield step(Stage.STARTED, execution.execution_start_time)
    if execution.outcome is not None and execution.execution_finish_time is not None:
        yield step(Stage.FINISHED, execution.execution_finish_time)
    if execution.container_status is ContainerStatus.TERMINATED:
        yield step(Stage.TERMINATED, execution.last_update_time)


def _needed_log(step: _Step) -> LogState:
    if step.execution is None or step.execution.container_details is None:
        return LogState.BEHIND  # there is no log
    return _NEEDED_LOG.get(step.stage, LogState.BEHIND)


def _progress(execution: ExecutionSnapshot | None, at: Position, step: _Step | None) -> StreamedEvent | None:
    """A progress event for an output that was not sent. The result is no progress: the last event holds it."""
    if execution is None or execution.output is None or execution.outcome is ExecutionOutcome.SUCCEEDED:
        return None
    is_its_turn = at.stage >= Stage.STARTED or (step is not None and step.stage >= Stage.FINISHED)
    if not is_its_turn or at.stage >= Stage.TERMINATED or (digest := digest_of(execution.output)) == at.output_digest:
        return None
    return StreamedEvent(
        event=ProgressEvent(
            execution_id=execution.execution_id,
            time=epoch_seconds(execution.execution_finish_time or execution.last_update_time),
            output=execution.output,
        ),
        position=replace(at, output_digest=digest),
    )


def _is_cancelled_before(seen: InvocationSnapshot, at: Position, step: _Step | None) -> bool:
    time = seen.cancellation_request_time
    if time is None or at.is_cancellation_sent or at.stage in (Stage.NOTHING, Stage.ENDED, Stage.OVER):
        return False
    return step is None or step.stage is Stage.ENDED or step.time > time


def _cancellation(seen: InvocationSnapshot, at: Position) -> StreamedEvent:
    position = replace(at, is_cancellation_sent=True)
    execution = current_execution(seen, at)
    return StreamedEvent(
        event=_state(seen, position, execution=execution, stage=at.stage, time=seen.cancellation_request_time),
        position=position,
    )


def _change(seen: InvocationSnapshot, at: Position, step: _Step) -> StreamedEvent:
    return StreamedEvent(
        event=_state(seen, at, execution=step.execution, stage=step.stage, time=step.time),
        position=_after(step, at),
    )


def _after(step: _Step, at: Position) -> Position:
    if step.execution is None or step.stage is Stage.ENDED:
        return replace(at, stage=step.stage)
    if step.stage is Stage.CREATED:
        return Position(
            attempt=step.execution.attempt, stage=Stage.CREATED, is_cancellation_sent=at.is_cancellation_sent
        )
    if step.execution.launch > at.launch:  # a container of its own, with a log of its own
        return replace(at, stage=step.stage, launch=step.execution.launch, log_offset=None, log_lines=0)
    return replace(at, stage=step.stage)


def _state(
    seen: InvocationSnapshot, at: Position, *, execution: ExecutionSnapshot | None, stage: Stage, time: datetime | None
) -> StateEvent:
    """The state as it was at this stage: what is recorded of later stages is left out."""
    of_execution = min(stage, Stage.TERMINATED)
    shows_error = of_execution >= Stage.FINISHED or of_execution is Stage.DELAYED
    return StateEvent(
        invocation_id=seen.invocation_id,
        invocation_status=InvocationStatus.TERMINATED if stage is Stage.ENDED else InvocationStatus.RUNNING,
        cancellation_requested=at.is_cancellation_sent,
        execution_id=None if execution is None else execution.execution_id,
        attempt=None if execution is None else execution.attempt,
        worker_status=None if execution is None else _WORKER_STATUS[of_execution],
        execution_start_time=(
            epoch_seconds(execution.execution_start_time)
            if execution is not None and execution.execution_start_time is not None and of_execution >= Stage.STARTED
            else None
        ),
        outcome=execution.outcome if execution is not None and of_execution >= Stage.FINISHED else None,
        error_message=execution.error_message if execution is not None and shows_error else None,
        time=epoch_seconds(time or seen.last_update_time),
    )


def _end(execution: ExecutionSnapshot | None, seen: InvocationSnapshot, at: Position) -> StreamedEvent:
    return StreamedEvent(
        event=EndEvent(
            invocation_status=seen.status,
            outcome=None if execution is None else execution.outcome,
            output=None if execution is None else execution.output,
            error_message=None if execution is None else execution.error_message,
        ),
        position=replace(at, stage=Stage.OVER),
    )
