"""Schedules as rows have them: a schedule's own, and a function's declarations, which are a list of JSON objects."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.domain.identifiers import FunctionName, ProjectName, ScheduleId
from control_plane_server.domain.schedules import Overlap, Schedule, ScheduleSpec

SCHEDULE_COLUMNS = tuple(ScheduleRow.__table__.columns)


def to_column(schedules: Sequence[ScheduleSpec]) -> list[dict[str, Any]] | None:
    return [asdict(spec) for spec in schedules] or None


def to_specs(column: Sequence[Mapping[str, Any]] | None) -> tuple[ScheduleSpec, ...]:
    """What a later release may have added is left out."""
    return tuple(to_spec(declared) for declared in column or ())


def to_spec(fields: Mapping[str, Any]) -> ScheduleSpec:
    return ScheduleSpec(
        schedule_name=fields["schedule_name"],
        cron=fields["cron"],
        every_seconds=fields["every_seconds"],
        timezone=fields["timezone"],
        input=fields["input"],
        overlap=Overlap(fields["overlap"]),
        jitter_seconds=fields["jitter_seconds"],
    )


def to_schedule(found: Row[*tuple[Any, ...]]) -> Schedule:
    """Of a row that has SCHEDULE_COLUMNS."""
    row = found._asdict()
    return Schedule(
        schedule_id=ScheduleId(row["schedule_id"]),
        project_name=ProjectName(row["project_name"]),
        function_name=FunctionName(row["function_name"]),
        spec=to_spec(row),
        is_declared=row["is_declared"],
        pause_time=row["pause_time"],
        pause_reason=row["pause_reason"],
        is_without_function=row["is_without_function"],
        last_skipped_time=row["last_skipped_time"],
        last_skip_reason=row["last_skip_reason"],
        creation_time=row["creation_time"],
        last_update_time=row["last_update_time"],
    )
