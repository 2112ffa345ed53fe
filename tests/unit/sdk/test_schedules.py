"""When a function is called, as it is declared beside it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import control_plane as cp
import pytest
from control_plane.context import Context
from control_plane.declarations import declared
from control_plane.schedules import fields_of, fields_of_one


def test_fields() -> None:
    nightly = cp.Cron("0 7 * * 1-5", timezone="Europe/Berlin", overlap="buffer_one", input={"x": 1}, name="nightly")
    often = cp.Every(timedelta(minutes=2), jitter=5)
    assert fields_of([nightly, often], "f") == [
        {
            "name": "nightly",
            "cron": "0 7 * * 1-5",
            "timezone": "Europe/Berlin",
            "input": '{"x": 1}',
            "overlap": "buffer_one",
            "jitter_seconds": 0,
        },
        {"name": "f-2", "every_seconds": 120, "input": "", "overlap": "skip", "jitter_seconds": 5},
    ]
    assert fields_of(often, "f")[0]["name"] == "f"
    assert fields_of_one(nightly).keys() == fields_of([nightly], "f")[0].keys() - {"name"}
    assert repr(often).startswith("Every(every_seconds=120, ")


def test_beside_a_function_and_a_command() -> None:
    @cp.function(schedule=cp.Cron("0 * * * *"))
    def scheduled() -> None: ...

    command = cp.command("sorted", ["sort"], schedule=[cp.Every(60, input="b\na")])
    for made, name in ((scheduled, "scheduled"), (command, "sorted")):
        assert made._spec["schedules"][0]["name"] == name
        declared.remove(made)

    @cp.function
    def unscheduled() -> None: ...

    assert "schedules" not in unscheduled._spec
    declared.remove(unscheduled)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cp.Cron("@daily"), "five fields"),
        (lambda: cp.Cron(7), "five fields"),  # type: ignore[arg-type]
        (lambda: cp.Every(0), "seconds must be whole seconds, 1 or more"),
        (lambda: cp.Every(1.5), "seconds must be whole seconds"),
        (lambda: cp.Every(60, jitter=-1), "jitter must be whole seconds, 0 or more"),
        (lambda: cp.Every(60, overlap="queue"), "overlap must be one of skip, buffer_one"),  # type: ignore[arg-type]
    ],
)
def test_mistakes(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_what_is_no_schedule() -> None:
    wrong: Any = "0 7 * * *"
    with pytest.raises(TypeError, match=r"a schedule is a cp.Cron or cp.Every"):
        cp.function(schedule=wrong)(len)


def test_the_code_is_told_of_which_time_its_call_is() -> None:
    variables = {
        **{f"MULTINODE_{name}": "x" for name in ("PROJECT_NAME", "VERSION_ID", "FUNCTION_NAME", "INVOCATION_ID")},
        "MULTINODE_EXECUTION_ID": "x",
        "CONTROL_PLANE_DEADLINE": "7",
    }
    assert Context(variables).scheduled_time is None
    scheduled = Context({**variables, "CONTROL_PLANE_SCHEDULED_TIME": "3600"}).scheduled_time
    assert scheduled == datetime(1970, 1, 1, 1, tzinfo=UTC)
