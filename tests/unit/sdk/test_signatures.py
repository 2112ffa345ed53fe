"""What a declaration says about a function's arguments."""

import datetime
import decimal
import enum
import functools
import pathlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict

import control_plane as cp
import pytest
from control_plane.binding import ArgumentIsWrong, check_input
from control_plane.container.calls import _takes
from control_plane.input_arguments import Arguments
from control_plane.signatures import DefaultIsUnusable, signature_of
from pydantic import BaseModel

Row = NewType("Row", int)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Options(TypedDict):
    width: int
    height: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: str


@dataclass
class Job:
    name: str
    parts: list["Job"] = field(default_factory=list)


class Part(BaseModel):
    name: str


class Whole(BaseModel):
    parts: list[Part]


class Own:
    pass


@pytest.mark.parametrize(
    ("annotation", "schema", "arrives"),
    [
        (int, {"type": "integer"}, None),
        (float, {"type": "number"}, None),
        (str, {"type": "string"}, None),
        (bool, {"type": "boolean"}, None),
        (None, {"type": "null"}, None),
        (Any, {}, None),
        (object, {}, None),
        (Row, {"type": "integer"}, None),
        (Annotated[int, "rows"], {"type": "integer"}, None),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        (list, {"type": "array"}, None),
        (list[int], {"type": "array", "items": {"type": "integer"}}, None),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}, None),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}, None),
        (Mapping, {"type": "object"}, None),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "a list"),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, "a list"),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
            "a list",
        ),
        (
            Point,
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
            "a list",
        ),
        (Literal["a", 1], {"enum": ["a", 1]}, None),
        (Colour, {"enum": ["red", "blue"]}, "the value of a Colour, no member"),
        (
            Options,
            {
                "type": "object",
                "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
                "required": ["width"],
            },
            None,
        ),
        (datetime.datetime, {"type": "string", "format": "date-time"}, "a string"),
        (datetime.date, {"type": "string", "format": "date"}, "a string"),
        (datetime.time, {"type": "string", "format": "time"}, "a string"),
        (datetime.timedelta, {"type": "string", "format": "duration"}, "a string"),
        (decimal.Decimal, {"type": "string", "format": "decimal"}, "a string"),
        (uuid.UUID, {"type": "string", "format": "uuid"}, "a string"),
        (pathlib.Path, {"type": "string", "format": "path"}, "a string"),
        (bytes, {"type": "string", "contentEncoding": "base64"}, "a string"),
        (list[datetime.date], {"type": "array", "items": {"type": "string", "format": "date"}}, "a list, each of it a"),
        (datetime.date | None, {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, "a string"),
        (Own, {}, "plain JSON, never as Own"),
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ("not_there.Type", {}, None),
        ("1 +", {}, None),
    ],
)
def test_annotations(annotation: Any, schema: dict[str, Any], arrives: str | None) -> None:
    def f(value): ...  # type: ignore[no-untyped-def]

    f.__annotations__ = {"value": annotation}
    signature = signature_of(f)
    assert signature.schema is not None
    assert signature.schema["properties"] == {"value": schema}
    if arrives is None:
        assert signature.advice == []
    else:
        assert signature.advice[0].startswith(f"value arrives as {arrives}")


def test_objects_in_objects() -> None:
    def f(job: Job) -> None: ...

    schema = signature_of(f).schema
    assert schema is not None
    job = schema["properties"]["job"]
    assert (job["required"], job["properties"]["name"]) == (["name"], {"type": "string"})
    assert job["properties"]["parts"]["items"]["properties"]["name"] == {"type": "string"}


def test_what_models_refer_to_is_found_at_the_top() -> None:
    def f(whole: Whole, part: Part) -> None: ...

    schema = signature_of(f).schema
    assert schema is not None
    assert schema["properties"]["whole"]["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}
    assert schema["$defs"]["Part"]["required"] == ["name"]


def test_kinds_of_parameters() -> None:
    def f(a, b=2, *rest, c, d=None, **others): ...  # type: ignore[no-untyped-def]

    assert signature_of(f).schema == {
        "type": "object",
        "properties": {"a": {}, "b": {"default": 2}, "c": {}, "d": {"default": None}},
        "required": ["a", "c"],
        "additionalProperties": True,
        "x-positional": ["a", "b"],
        "x-variadic": True,
    }


def test_defaults_are_what_they_are_in_json() -> None:
    def f(since=datetime.date(2026, 1, 2), colour=Colour.RED): ...  # type: ignore[no-untyped-def]

    schema = signature_of(f).schema
    assert schema is not None
    assert [schema["properties"][name]["default"] for name in ("since", "colour")] == ["2026-01-02", "red"]


@pytest.mark.parametrize(
    ("default", "problem"),
    [
        ([1, {"a": Own()}], 'the default of value[1]["a"] is an Own, which has no form in JSON'),
        (float("nan"), "the default of value is nan, which JSON does not have"),
    ],
)
def test_a_default_that_is_no_json_is_refused_with_its_place(default: Any, problem: str) -> None:
    def f(value=default): ...  # type: ignore[no-untyped-def]

    with pytest.raises(DefaultIsUnusable) as refusal:
        signature_of(f)
    assert str(refusal.value).startswith(problem)
    assert str(refusal.value).endswith("; or make it None, and the value in the function")


def test_what_is_too_much_to_send_is_left_open() -> None:
    def f(value: Any, text: str = "x" * 20_000) -> None: ...

    schema = signature_of(f).schema
    assert schema is not None
    assert (schema["properties"], schema["required"]) == ({"value": {}, "text": {}}, ["value"])
    names = ", ".join(f"parameter_{number}" for number in range(2_000))
    space: dict[str, Any] = {}
    exec(f"def g({names}): ...", space)
    assert signature_of(space["g"]).schema is None


def test_what_has_no_signature() -> None:
    assert signature_of(print).schema is not None
    assert signature_of(iter).schema is None


def _supplied(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function("the database", *args, **kwargs)

    return wrapper


def _handed_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(name: Any) -> Any:
        return function(int(name))

    return wrapper


def test_a_decorator_says_what_it_takes_and_nothing_else() -> None:
    @_supplied
    def save(db: str, name: str) -> str:
        return db + name

    schema = signature_of(save).schema
    assert schema is not None
    check_input(schema, '{"name": "Ada"}', function_name="save")
    check_input(schema, '["Ada"]', function_name="save")

    @_handed_on
    def double(name: int) -> int:
        return 2 * name

    schema = signature_of(double).schema
    assert schema is not None
    check_input(schema, '{"name": "2"}', function_name="double")
    with pytest.raises(ArgumentIsWrong, match="lacks the argument name"):
        check_input(schema, "{}", function_name="double")

    @functools.cache
    def cached(name: str) -> str:
        return name

    assert signature_of(cached).schema == signature_of(cached.__wrapped__).schema


def test_what_fails_in_a_decorated_function_is_not_its_arguments() -> None:
    @_supplied
    def save(db: str, name: str) -> str:
        return db + name

    assert _takes(save, Arguments([], {"name": "Ada"}))
    assert _takes(cp.function(save), Arguments(["Ada"], {}))

    @functools.cache
    def cached(name: str) -> str:
        return name

    assert not _takes(cp.function(cached), Arguments([], {}))
