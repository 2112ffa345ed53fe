"""Schedules on the wire: declared with a function, set by themselves, and as they are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from api.schemas.bounded import FunctionNameText, proper_name, storable
from api.schemas.schedule_times import Cron, TimeZone, distinct_names
from api.schemas.times import epoch_seconds, optional_epoch_seconds
from control_plane_server.catalog.schedules.schedules import SchedulePage
from control_plane_server.domain import bounds, schedules
from control_plane_server.domain.schedules import Overlap

ScheduleName = Annotated[
    str, Field(min_length=1, max_length=bounds.MAX_SCHEDULE_NAME_LENGTH), AfterValidator(proper_name)
]
ScheduleInput = Annotated[str, Field(max_length=bounds.MAX_SCHEDULE_INPUT_LENGTH), AfterValidator(storable)]
PauseReason = Annotated[str, Field(max_length=bounds.MAX_PAUSE_REASON_LENGTH), AfterValidator(storable)]
EpochSeconds = Annotated[int, Field(ge=0, le=bounds.MAX_EPOCH_SECONDS)]


class ScheduleTimes(BaseModel):
    """Either `cron` or `every_seconds`. `cron`: five fields, by the clock of `timezone`: a time that the clocks skip in
    spring is left out, one that comes twice in autumn counts twice. `every_seconds`: counted from 1970 on.

    `overlap`: what is done if an invocation of the schedule still runs: "skip" nothing, "buffer_one" lets one wait for
    its end, "cancel_other" cancels it and lets the newest wait for its end, "allow_all" does not ask.
    `jitter_seconds`: up to how much later than its time each call is made.
    """

    model_config = ConfigDict(extra="forbid")  # what is not known is not to be left out in silence

    cron: Cron | None = None
    every_seconds: Annotated[int, Field(ge=1, le=bounds.MAX_SCHEDULE_INTERVAL_SECONDS)] | None = None
    timezone: TimeZone = "UTC"
    input: ScheduleInput = ""
    overlap: Overlap = Overlap.SKIP
    jitter_seconds: Annotated[int, Field(ge=0, le=bounds.MAX_SCHEDULE_JITTER_SECONDS)] = 0

    @model_validator(mode="after")
    def _has_one_kind_of_times(self) -> Self:
        if (self.cron is None) == (self.every_seconds is None):
            raise ValueError("a schedule has either cron or every_seconds")
        return self

    def to_domain(self, name: str) -> schedules.ScheduleSpec:
        return schedules.ScheduleSpec(
            schedule_name=name,
            cron=self.cron,
            every_seconds=self.every_seconds,
            timezone=self.timezone,
            input=self.input,
            overlap=self.overlap,
            jitter_seconds=self.jitter_seconds,
        )


class DeclaredSchedule(ScheduleTimes):
    """Beside the function that it calls. `name`: of the project's schedules, its own."""

    name: ScheduleName

    @staticmethod
    def of(spec: schedules.ScheduleSpec) -> "DeclaredSchedule":
        # Not checked again: what was stored once may be refused by a later release.
        return DeclaredSchedule.model_construct(
            name=spec.schedule_name,
            cron=spec.cron,
            every_seconds=spec.every_seconds,
            timezone=spec.timezone,
            input=spec.input,
            overlap=spec.overlap,
            jitter_seconds=spec.jitter_seconds,
        )


def _distinct(declared: list[DeclaredSchedule]) -> list[DeclaredSchedule]:
    distinct_names(schedule.name for schedule in declared)
    return declared


DeclaredSchedules = Annotated[
    list[DeclaredSchedule],
    Field(fail_fast=True, max_length=bounds.MAX_SCHEDULES_OF_FUNCTION),
    AfterValidator(_distinct),
]


class ScheduleDefinition(ScheduleTimes):
    """Calls a function of the latest version, whichever that is at the time."""

    function_name: FunctionNameText


class BackfillDefinition(BaseModel):
    """Times from `start` to `end`, both inclusive; those to come are left out."""

    start: EpochSeconds
    end: EpochSeconds

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError("end must not be before start")
        return self


class ScheduleInfo(BaseModel):
    """`is_declared`: beside its function, and not set by itself. `pause_reason`: why it calls nothing, also that the
    latest version has no such function; null: it calls. `next_times`: the next ten, without jitter; only of one
    schedule, and null if Temporal does not say. `last_skipped_time`: the last of its times at which nothing was called,
    and why."""

    project_name: str
    schedule_name: str
    function_name: str
    cron: str | None
    every_seconds: int | None
    timezone: str
    input: str
    overlap: Overlap
    jitter_seconds: int
    is_declared: bool
    is_paused: bool
    pause_reason: str | None
    last_skipped_time: int | None
    last_skip_reason: str | None
    creation_time: int
    last_update_time: int
    next_times: list[int] | None

    @classmethod
    def of(cls, schedule: schedules.Schedule, *, next_times: Sequence[datetime] | None = None) -> Self:
        spec = schedule.spec
        return cls(
            project_name=schedule.project_name,
            schedule_name=spec.schedule_name,
            function_name=schedule.function_name,
            cron=spec.cron,
            every_seconds=spec.every_seconds,
            timezone=spec.timezone,
            input=spec.input,
            overlap=spec.overlap,
            jitter_seconds=spec.jitter_seconds,
            is_declared=schedule.is_declared,
            is_paused=schedule.is_resting,
            pause_reason=schedule.rest_reason,
            last_skipped_time=optional_epoch_seconds(schedule.last_skipped_time),
            last_skip_reason=schedule.last_skip_reason,
            creation_time=epoch_seconds(schedule.creation_time),
            last_update_time=epoch_seconds(schedule.last_update_time),
            next_times=None if next_times is None else [epoch_seconds(time) for time in next_times],
        )


class SchedulesListForProject(BaseModel):
    project_name: str
    schedules: list[ScheduleInfo]
    next_offset: str | None

    @classmethod
    def of(cls, project_name: str, page: SchedulePage) -> Self:
        return cls(
            project_name=project_name,
            schedules=[ScheduleInfo.of(schedule) for schedule in page.schedules],
            next_offset=page.next_offset,
        )


class BackfillInfo(BaseModel):
    """`times`: how many there are. `invocation_ids`: those that were made just now; the others were there."""

    project_name: str
    schedule_name: str
    times: int
    invocation_ids: list[str]
