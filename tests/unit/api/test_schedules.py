"""What a schedule may be, and the line that says what is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.problems import presentable_problems
from api.schemas.functions import FunctionInfoForVersion, FunctionSpec
from api.schemas.schedules import BackfillDefinition, ScheduleDefinition
from api.schemas.versions import VersionDefinition
from control_plane_server.domain.schedules import Overlap, ScheduleSpec
from tests.api.builders import definition, function_spec


def read(**fields: Any) -> ScheduleSpec:
    return ScheduleDefinition.model_validate({"function_name": "f", **fields}).to_domain("s")


def problem(**fields: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        read(**fields)
    return str(presentable_problems(caught.value.errors())[0]["msg"])


def test_both_kinds() -> None:
    assert read(cron=" 0  7 * * 1-5 ", timezone="Europe/Berlin", overlap="cancel_other", input="{}") == ScheduleSpec(
        schedule_name="s",
        cron="0 7 * * 1-5",
        timezone="Europe/Berlin",
        overlap=Overlap.CANCEL_OTHER,
        input="{}",
    )
    assert read(every_seconds=2, jitter_seconds=1) == ScheduleSpec(
        schedule_name="s", every_seconds=2, jitter_seconds=1, input=""
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "a schedule has either cron or every_seconds"),
        ({"cron": "* * * * *", "every_seconds": 1}, "a schedule has either cron or every_seconds"),
        ({"cron": "@daily"}, "cron must have five fields, as in 0 7 * * 1-5"),
        ({"cron": "0 0 * * * *"}, "cron must have five fields"),
        ({"cron": "60 0 * * *"}, "cron is not valid: Bad minute; as in"),
        ({"cron": "0 0 * * FRI-SUN"}, "cron is not valid: Bad day-of-week"),
        ({"cron": "0 0 L * *"}, "cron has 'L': only numbers"),
        ({"cron": "0 0 * * MON#1"}, "cron has 'MON#1': only numbers"),
        ({"cron": "0 0 ? * *"}, "cron has '?'"),
        ({"cron": "0 0 1 * MON"}, "cron must not restrict both the day of the month and the day of the week"),
        ({"cron": "0 0 30 2 *"}, "cron is not valid: Bad day-of-month"),
        ({"cron": "* * * * *", "timezone": "Berlin"}, "timezone 'Berlin' is not in the time zone database"),
        ({"every_seconds": 0}, "Input should be greater than or equal to 1"),
        ({"every_seconds": 1, "jitter_seconds": 3_601}, "Input should be less than or equal to 3600"),
        ({"every_seconds": 1, "overlap": "terminate_other"}, "Input should be 'skip', 'buffer_one'"),
        ({"every_seconds": 1, "input": "x" * 16_385}, "String should have at most 16384 characters"),
        ({"every_seconds": 1, "input": "\x00"}, "NUL characters"),
        ({"every_seconds": 1, "time_zone": "UTC"}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], said: str) -> None:
    assert said in problem(**fields)


def test_names_are_distinct_in_a_version_and_inputs_fit_the_function() -> None:
    hourly = {"name": "s", "cron": "0 * * * *"}
    with pytest.raises(ValidationError, match="'s' is there twice"):
        FunctionSpec.model_validate(function_spec(schedules=[hourly, hourly]))
    with pytest.raises(ValidationError, match="'s' is there twice"):
        VersionDefinition.model_validate(
            definition(function_spec("f", schedules=[hourly]), function_spec("g", schedules=[hourly]))
        )
    signature = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}, "x-positional": ["x"]}
    with pytest.raises(ValidationError, match=r"input of schedule 's': f\(\) lacks the argument x"):
        FunctionSpec.model_validate(function_spec(schedules=[hourly], signature=signature))
    FunctionSpec.model_validate(function_spec(schedules=[{**hourly, "input": '{"x": 1}'}], signature=signature))
    FunctionSpec.model_validate(function_spec(schedules=[hourly], signature=signature, command=["sort"]))


def test_what_was_declared_is_answered_as_it_was() -> None:
    declared = {"name": "s", "cron": "0 * * * *", "timezone": "Europe/Berlin", "input": "{}", "overlap": "skip"}
    spec = FunctionSpec.model_validate(function_spec(schedules=[declared]))
    answered = type(spec.schedules[0]).of(spec.to_domain("image").schedules[0]).model_dump(mode="json")
    assert answered == {**declared, "every_seconds": None, "jitter_seconds": 0}
    assert "schedules" in FunctionInfoForVersion.model_fields


def test_a_backfill_has_an_order() -> None:
    assert BackfillDefinition(start=1, end=1).end == 1
    with pytest.raises(ValidationError, match="end must not be before start"):
        BackfillDefinition(start=2, end=1)
