"""Invocations as lists show them, and how such lists are narrowed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from control_plane.protocol.answers import Course
from control_plane.protocol.paths import LATEST, Query


class ProjectInvocation(Course):
    """An invocation in the list of a project's."""

    invocation_id: str
    function_name: str
    version_id: str
    invocation_status: str
    outcome: str | None
    creation_time: int
    last_update_time: int


def invocations_query(
    *,
    function: str | None,
    status: str | None,
    outcome: str | Sequence[str] | None,
    version: str | None,
    since: datetime | float | None,
    until: datetime | float | None,
    parent: str | None,
    batch: str | None,
    tags: Mapping[str, str] | None,
    concurrency_key: str | None,
) -> Query:
    """Raises ValueError."""
    if version == LATEST:
        raise ValueError(
            "version must be a version's id, ver-…; client.version(project).version_id is the newest one's"
        )
    return {
        "function_name": function,
        "status": status,
        "outcome": [outcome] if isinstance(outcome, str) else outcome,
        "version_id": version,
        "since": optional_moment(since),
        "until": optional_moment(until),
        "parent_invocation_id": parent,
        "batch_id": batch,
        "tag": [f"{key}:{value}" for key, value in (tags or {}).items()] or None,
        "concurrency_key": concurrency_key,
    }


def failures_query(*, function: str | None, since: datetime | float | None, until: datetime | float | None) -> Query:
    """Raises ValueError."""
    return {"function_name": function, "since": optional_moment(since), "until": optional_moment(until)}


def moment(time: datetime | float) -> int:
    """Since the epoch. Raises ValueError for a moment without a time zone, which would be another one elsewhere."""
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError(f"{time!r} has no time zone; datetime.now(timezone.utc) has one")
        return int(time.timestamp())
    return int(time)


def optional_moment(time: datetime | float | None) -> int | None:
    """As `moment`."""
    return None if time is None else moment(time)
