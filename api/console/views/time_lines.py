"""Where the time of an invocation went: one line for each attempt, drawn and in numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.console.views.times import duration
from control_plane_server.domain.entities import ContainerStatus, Execution, Invocation, InvocationStatus

WIDTH = 1_000  # of a drawing, in its own unit
_NARROWEST = 3
_MOST_ATTEMPTS = 60
_BACKOFF = "backoff"
_WORDS = {
    "backoff": "backing off",
    "queued": "queued",
    "starting": "starting",
    "running": "running",
    "ending": "ending",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`x`, `width`: of WIDTH, which is all of the invocation's time."""

    kind: str
    x: int
    width: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`execution`: None of one that has no slot yet. `state`: a word, `tone`: the class of its colour."""

    number: int
    execution: Execution | None
    state: str
    tone: str
    segments: tuple[Segment, ...]
    queued: timedelta | None
    starting: timedelta | None
    running: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """`left_out`: earlier attempts that are not shown."""

    attempts: tuple[Attempt, ...]
    left_out: int
    width: int = WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phase:
    kind: str
    begin: datetime
    end: datetime


def time_line_of(invocation: Invocation, now: datetime) -> TimeLine:
    """Of what runs until `now`."""
    scale = _Scale(invocation.creation_time, _end_of(invocation, now))
    attempts: list[Attempt] = []
    previous_end = invocation.creation_time
    for execution in invocation.executions:
        phases = tuple(_phases(execution, previous_end, scale.end))
        attempts.append(
            Attempt(
                number=execution.attempt,
                execution=execution,
                state=_state(execution),
                tone=_tone(execution),
                segments=tuple(map(scale.segment, phases)),
                queued=None if execution.queued_ms is None else timedelta(milliseconds=execution.queued_ms),
                starting=execution.starting,
                running=_running(execution, scale.end),
            )
        )
        previous_end = execution.last_update_time
    if _waits(invocation):
        kind = _BACKOFF if invocation.executions else "queued"
        waiting = _Phase(kind=kind, begin=previous_end, end=scale.end)
        attempts.append(
            Attempt(
                number=len(invocation.executions) + 1,
                execution=None,
                state="waiting",
                tone="muted",
                segments=(scale.segment(waiting),),
                queued=None,
                starting=None,
                running=None,
            )
        )
    return TimeLine(attempts=tuple(attempts[-_MOST_ATTEMPTS:]), left_out=max(0, len(attempts) - _MOST_ATTEMPTS))


def _end_of(invocation: Invocation, now: datetime) -> datetime:
    return invocation.last_update_time if invocation.status is InvocationStatus.TERMINATED else now


def _waits(invocation: Invocation) -> bool:
    if invocation.status is InvocationStatus.TERMINATED:
        return False
    return not invocation.executions or invocation.executions[-1].container_status is ContainerStatus.TERMINATED


def _phases(execution: Execution, previous_end: datetime, now: datetime) -> Iterator[_Phase]:
    """Those that it has come to. `previous_end`: of the attempt before, or the invocation's creation."""
    has_ended = execution.container_status is ContainerStatus.TERMINATED
    end = execution.last_update_time if has_ended else now
    slot = execution.creation_time
    queued_since = slot - timedelta(milliseconds=execution.queued_ms or 0)
    start = execution.execution_start_time or end
    finish = execution.execution_finish_time or end
    yield _Phase(kind=_BACKOFF, begin=previous_end, end=queued_since)
    yield _Phase(kind="queued", begin=max(queued_since, previous_end), end=slot)
    yield _Phase(kind="starting", begin=slot, end=start)
    if execution.execution_start_time is not None:
        yield _Phase(kind="running", begin=start, end=finish)
    if execution.execution_finish_time is not None:
        yield _Phase(kind="ending", begin=finish, end=end)


def _running(execution: Execution, now: datetime) -> timedelta | None:
    """Until now of one that still runs."""
    if execution.running is not None or execution.execution_start_time is None:
        return execution.running
    return max(timedelta(), now - execution.execution_start_time)


def _state(execution: Execution) -> str:
    if execution.outcome is not None:
        return execution.outcome.lower()
    if execution.container_status is ContainerStatus.TERMINATED:
        return "lost"
    return "running" if execution.execution_start_time is not None else "starting"


def _tone(execution: Execution) -> str:
    return {"succeeded": "good", "running": "live", "starting": "live"}.get(_state(execution), "bad")


class _Scale:
    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin = begin
        self.end = max(begin, end)
        self._length = max(self.end - begin, timedelta(milliseconds=1))

    def segment(self, phase: _Phase) -> Segment:
        """Whatever has taken time is seen, and nothing is drawn of what has taken none."""
        x, end = self._place(phase.begin), self._place(phase.end)
        took = max(timedelta(), phase.end - phase.begin)
        width = max(end - x, _NARROWEST) if took else 0
        x = min(x, WIDTH - width)
        words = "delayed or backing off" if phase.kind == _BACKOFF else phase.kind
        return Segment(kind=phase.kind, x=x, width=width, text=f"{words} {duration(took)}")

    def _place(self, time: datetime) -> int:
        return round(min(1.0, max(0.0, (time - self._begin) / self._length)) * WIDTH)
