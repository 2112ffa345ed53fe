"""Reads an invocation's events: polls what is stored, and returns what is new."""

from dataclasses import dataclass, replace

from api.events.logs import LogSource, LogTail
from api.events.positions import Position, Stage
from api.events.sequence import LogState, StreamedEvent, awaited_log, current_execution, log_events, log_gap, next_event
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocation_snapshots import (
    ExecutionSnapshot,
    InvocationSnapshot,
    InvocationSnapshotRepository,
)
from control_plane_server.domain.bounds import MAX_LOG_LINES_PER_PAGE
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.provisioners.marked_logs import MarkedPart, is_over


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBatch:
    """`is_behind`: more events can be read at once."""

    events: tuple[StreamedEvent, ...]
    is_behind: bool


class EventReader:
    """The reader of one stream. `logs`: None for a stream without logs."""

    def __init__(
        self, database: Database, logs: LogSource | None, *, invocation_id: InvocationId, position: Position
    ) -> None:
        self._database = database
        self._source = logs
        self._log = None if logs is None else LogTail(logs)
        self._invocation_id = invocation_id
        self._position = position
        self._known: ExecutionSnapshot | None = None

    @property
    def is_over(self) -> bool:
        """Whether all events have been read."""
        return self._position.stage is Stage.OVER

    def close(self) -> None:
        """Cancel what is being read: the stream has ended."""
        if self._log is not None:
            self._log.close()

    async def poll(self) -> EventBatch:
        """Read the next events, by one statement and at most one page of a log.

        Raises InvocationDoesNotExist, CatalogIsAway; OffsetIsInvalid if the position is none of a reader's.
        """
        attempt = self._position.attempt
        async with self._database.statement() as connection:
            seen = await InvocationSnapshotRepository(connection).read(
                self._invocation_id, attempt=max(1, attempt), known=self._known
            )
        events = self._advance(seen, LogState.BEHIND)
        has_more_log = False
        if self._position.attempt == attempt:
            lines, log = await self._read_log(seen)
            events += (*lines, *self._advance(seen, log))
            has_more_log = len(lines) > 0 and log < max(LogState.CAUGHT_UP, awaited_log(seen, self._position))
        self._known = _of_attempt(seen, self._position.attempt)
        return EventBatch(events=events, is_behind=has_more_log or self._position.attempt != attempt)

    def _advance(self, seen: InvocationSnapshot, log: LogState) -> tuple[StreamedEvent, ...]:
        """The next events, up to the next execution, which has a log of its own."""
        attempt = self._position.attempt
        events: list[StreamedEvent] = []
        while self._position.attempt == attempt and (event := next_event(seen, self._position, log=log)) is not None:
            events.append(event)
            self._position = event.position
        return tuple(events)

    async def _read_log(self, seen: InvocationSnapshot) -> tuple[tuple[StreamedEvent, ...], LogState]:
        """New lines of the current execution's log, and how much of it has been read with them."""
        execution = current_execution(seen, self._position)
        if self._source is None or self._log is None:
            return (), LogState.COMPLETE
        if execution is None or execution.container_details is None or not _has_log_to_read(self._position):
            return (), LogState.BEHIND
        is_awaited = awaited_log(seen, self._position) > LogState.BEHIND
        part = _part_of(execution)
        offset = self._position.log_offset
        read = await self._log.read(execution.container_details, part, offset, is_awaited=is_awaited)
        if read is None and self._log.is_given_up and awaited_log(seen, self._position) is LogState.COMPLETE:
            return (log_gap(execution, self._position),), LogState.COMPLETE
        if read is None:
            return (), LogState.CAUGHT_UP  # an outcome does not wait for it, the end of the execution does
        page = read.page
        lines = tuple(log_events(page, execution, self._position))
        if lines:
            self._position = lines[-1].position
            return lines, LogState.CAUGHT_UP if len(page.entries) < MAX_LOG_LINES_PER_PAGE else LogState.BEHIND
        if part is not None:  # the others' lines that were passed need not be read again
            self._position = replace(self._position, log_offset=page.next_offset, log_lines=0)
        has_ended = execution.container_status is ContainerStatus.TERMINATED
        since_its_end = seen.read_time - read.age - execution.last_update_time
        may_grow = since_its_end < self._source.timing.delay and not is_over(page.next_offset)
        return (), LogState.COMPLETE if has_ended and not may_grow else LogState.CAUGHT_UP


def _part_of(execution: ExecutionSnapshot) -> MarkedPart | None:
    """None of a container that is the execution's own."""
    if execution.marked_launch is None:
        return None
    return MarkedPart.of(
        execution.execution_id,
        execution.marked_launch,
        execution.launch_time,
        is_first=not execution.is_warm_start,
    )


def _has_log_to_read(at: Position) -> bool:
    return Stage.RUNNING <= at.stage < Stage.TERMINATED


def _of_attempt(seen: InvocationSnapshot, attempt: int) -> ExecutionSnapshot | None:
    return next((execution for execution in seen.executions if execution.attempt == attempt), None)
