"""When a function is called by the clock, and what is done if its last call still runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from control_plane_server.domain.identifiers import FunctionName, InvocationId, ProjectName, ScheduleId


class Overlap(StrEnum):
    """What is done at a time of the schedule at which an invocation of it still runs. SKIP: nothing. BUFFER_ONE: one
    waits for its end; another one that comes meanwhile is skipped. CANCEL_OTHER: it is cancelled, and the newest one
    waits for its end. ALLOW_ALL: both run."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    CANCEL_OTHER = "cancel_other"
    ALLOW_ALL = "allow_all"


# What comes later than this, as Temporal or every `loop` was away, is missed.
CATCH_UP_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """Either `cron`, five fields in the time of `timezone`, or `every_seconds`, counted from 1970 on. `input`: of each
    invocation. `jitter_seconds`: up to how much later each begins, drawn anew each time."""

    schedule_name: str
    cron: str | None = None
    every_seconds: int | None = None
    timezone: str = "UTC"
    input: str
    overlap: Overlap = Overlap.SKIP
    jitter_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`is_declared`: beside the function, in the version that is the latest; else set by REST. `pause_time`: when
    somebody paused it. `is_without_function`: the latest version has no such function, so it rests.
    `last_skipped_time`: the last of its times that made no invocation, and why."""

    schedule_id: ScheduleId
    project_name: ProjectName
    function_name: FunctionName
    spec: ScheduleSpec
    is_declared: bool
    pause_time: datetime | None
    pause_reason: str | None
    is_without_function: bool
    last_skipped_time: datetime | None
    last_skip_reason: str | None
    creation_time: datetime
    last_update_time: datetime

    @property
    def is_resting(self) -> bool:
        return self.pause_time is not None or self.is_without_function

    @property
    def rest_reason(self) -> str | None:
        """Why nothing is called; None if that is not so."""
        if self.is_without_function:
            return f"The latest version has no function {self.function_name}"
        return None if self.pause_time is None else self.pause_reason or "Paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCall:
    """Which schedule an invocation is of, under an id that each try makes anew. `scheduled_time`: for which of its
    times; of a trigger by hand, when that was."""

    schedule_id: ScheduleId
    schedule_name: str
    scheduled_time: datetime
    invocation_id: InvocationId
