"""What needs a person, as sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from control_plane_server.catalog.hindrances import Hindrance, HindranceKind
from control_plane_server.domain.entities import Pause, Project

_KINDS = {
    HindranceKind.REFUSED: "never will be ready",
    HindranceKind.PAUSED: "is paused",
    HindranceKind.WITHOUT_CAPACITY: "waits for capacity",
    HindranceKind.NOT_STARTING: "has containers that do not start",
}
_IS_BAD = (HindranceKind.REFUSED, HindranceKind.NOT_STARTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`function_name`: None: it is about the whole project. `detail`: empty if there is nothing more to be said."""

    project_name: str
    function_name: str | None
    text: str
    detail: str = ""
    since: datetime | None = None
    until: datetime | None = None
    is_bad: bool = False


def notices(projects: Iterable[Project], hindrances: Iterable[Hindrance], now: datetime) -> list[Notice]:
    """The bad ones first. `now`: pauses may have an end."""
    found = [*_of_projects(projects, now), *map(_of_function, hindrances)]
    return sorted(found, key=lambda notice: not notice.is_bad)


def is_paused(pause: Pause | None, now: datetime | None = None) -> bool:
    return pause is not None and (pause.until is None or pause.until > (now or datetime.now(UTC)))


def _of_projects(projects: Iterable[Project], now: datetime) -> Iterable[Notice]:
    for project in projects:
        pause = project.pause
        if pause is not None and is_paused(pause, now):
            text = _KINDS[HindranceKind.PAUSED]
            yield Notice(
                project_name=project.project_name, function_name=None, text=text, since=pause.since, until=pause.until
            )


def _of_function(hindrance: Hindrance) -> Notice:
    executions = f"Executions concerned: {hindrance.executions:,}" if hindrance.executions else ""
    return Notice(
        project_name=hindrance.project_name,
        function_name=hindrance.function_name,
        text=_KINDS[hindrance.kind],
        detail=hindrance.reason or executions,
        since=hindrance.since,
        until=hindrance.until,
        is_bad=hindrance.kind in _IS_BAD,
    )
