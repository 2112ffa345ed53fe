"""What pages show of entities."""

from datetime import UTC, datetime, timedelta

import pytest

from api.console.views.filters import FilterFields, failed_query
from api.console.views.hindrances import is_paused, notices
from api.console.views.loads import Load, counted, loads_of_functions, loads_of_projects
from api.console.views.pages import PagePlace
from api.console.views.texts import number
from control_plane_server.catalog.hindrances import Hindrance, HindranceKind
from control_plane_server.catalog.load import FunctionLoad
from control_plane_server.domain.entities import Pause, Project
from control_plane_server.domain.identifiers import ProjectName

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDED_PAUSE = Pause(since=NOW - timedelta(hours=2), until=NOW - timedelta(hours=1))
PAUSE = Pause(since=NOW - timedelta(hours=2), until=None)


def load(project: str, function: str, *, running: int, waiting: int, oldest: float) -> FunctionLoad:
    nothing = dict.fromkeys(
        (
            *("batches", "pending_containers", "provisioning_containers", "running_containers"),
            *("starting_warm", "idle_warm", "leased_warm"),
        ),
        0,
    )
    return FunctionLoad(
        project_name=project,
        function_name=function,
        running=running,
        waiting=waiting,
        oldest_waiting_seconds=oldest,
        **nothing,
    )


def test_what_waits_is_no_part_of_what_runs() -> None:
    functions = [
        load("p", "f", running=5, waiting=3, oldest=7),
        load("p", "g", running=2, waiting=1, oldest=90),
        load("q", "f", running=1, waiting=0, oldest=0),
    ]
    assert loads_of_projects(functions) == {
        "p": Load(waiting=4, running=3, oldest=timedelta(seconds=90)),
        "q": Load(waiting=0, running=1, oldest=None),
    }
    assert loads_of_functions(functions, "p").keys() == {"f", "g"}


def test_numbers() -> None:
    assert (number(1_234_567), number(0.25), number(2.0)) == ("1,234,567", "0.25", "2")
    assert (counted(0), counted(999), counted(1_000), counted(3_000)) == ("0", "999", "1,000+", "1,000+")
    assert counted(7, all_are_counted=False) == "7+"


@pytest.mark.parametrize(
    ("pause", "paused"),
    [(None, False), (PAUSE, True), (ENDED_PAUSE, False), (Pause(since=NOW, until=NOW + timedelta(seconds=1)), True)],
)
def test_a_pause_may_have_ended(pause: Pause | None, paused: bool) -> None:
    assert is_paused(pause, NOW) == paused


def test_the_worst_comes_first() -> None:
    projects = [
        Project(project_name=ProjectName(name), creation_time=NOW, deletion_request_time=None, pause=pause)
        for name, pause in (("a", PAUSE), ("b", ENDED_PAUSE))
    ]
    hindrances = [
        Hindrance(kind=HindranceKind.WITHOUT_CAPACITY, project_name="b", function_name="f", executions=1_200),
        Hindrance(kind=HindranceKind.REFUSED, project_name="b", function_name="g", reason="no image"),
    ]
    refused, paused, waiting = notices(projects, hindrances, NOW)
    assert (refused.function_name, refused.detail, refused.is_bad) == ("g", "no image", True)
    assert (paused.project_name, paused.function_name, paused.since) == ("a", None, PAUSE.since)
    assert waiting.detail == "Executions concerned: 1,200"


def test_pages_are_remembered_up_to_a_bound() -> None:
    place = PagePlace.of([("offset", "0,a"), ("newer", "")])
    for number_ in range(1, 60):
        older = place.links("/ui", (), f"{number_},a").older
        assert older is not None
        fields = [tuple(pair.split("=")) for pair in older.partition("?")[2].replace("%2C", ",").split("&")]
        place = PagePlace.of([(name, value) for name, value in fields])
    assert place.offset == "59,a"
    assert len(place.newer) == 50
    assert place.newer[-1] == "58,a"
    assert PagePlace.of([]).links("/ui", (), None).newest is None


def test_what_failed_is_found_by_the_fields_of_the_form() -> None:
    matching = FilterFields.of(failed_query(NOW)).matching()
    assert set(matching.outcomes) == {"FAILED", "TIMED_OUT", "ABORTED"}
    assert matching.since == NOW.timestamp()
