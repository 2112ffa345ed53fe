"""Wrong arguments are found before anything is sent."""

import datetime
import json
from typing import Any, Literal

import pytest
from control_plane.binding import ArgumentIsWrong, bind, bind_text, check_input
from control_plane.input_arguments import InputIsUnusable, arguments_of
from control_plane.signatures import signature_of


def resize(url: str, width: int = 800, *, kind: Literal["png", "jpeg"] = "png", ratio: float | None = None) -> None: ...
def total(*numbers: int, unit: str = "m") -> None: ...
def anything(first, **others): ...  # type: ignore[no-untyped-def]
def by_position(a, b=2, /, c=3): ...  # type: ignore[no-untyped-def]


def bound(function: Any, *args: Any, **kwargs: Any) -> Any:
    return json.loads(bind(signature_of(function).schema, args, kwargs, function_name=function.__name__))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (bound(resize, "u"), {"url": "u"}),
        (bound(resize, "u", 3, ratio=1), {"url": "u", "width": 3, "ratio": 1}),
        (bound(resize, url="u", width=3.0), {"url": "u", "width": 3.0}),
        (bound(resize, datetime.date(2026, 1, 2)), {"url": "2026-01-02"}),
        (bound(total), {}),
        (bound(total, 1, 2), [1, 2]),
        (bound(total, unit="km"), {"unit": "km"}),
        (bound(anything, 1, second=2), {"first": 1, "second": 2}),
        (bound(by_position, 1, c=4), {"a": 1, "c": 4}),
    ],
)
def test_inputs(text: Any, expected: Any) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "problem"),
    [
        (resize, (), {}, "resize() lacks the argument url"),
        (resize, ("u",), {"hight": 1}, "resize() has no argument 'hight'; it has url, width, kind, ratio"),
        (resize, (1, 2, 3), {}, "resize() takes 2 arguments by position (url, width), but 3 are given"),
        (resize, ("u",), {"url": "v"}, "resize() got url twice: by position and by name"),
        (resize, ("u", "wide"), {}, "resize(): width is 'wide', but must be integer"),
        (resize, ("u", 1.5), {}, "resize(): width is 1.5, but must be integer"),
        (resize, ("u", True), {}, "resize(): width is True, but must be integer"),
        (resize, (["u"],), {}, "resize(): url is ['u'], but must be string"),
        (resize, ("u",), {"ratio": "x"}, "resize(): ratio is 'x', but must be number or null"),
        (resize, ("u",), {"kind": "gif"}, "resize(): kind is 'gif', but must be one of 'png', 'jpeg'"),
        (resize, (object(),), {}, 'arguments["url"] is an object, which has no form in JSON'),
        (total, (1,), {"unit": "km"}, "total(): more arguments than have a name cannot be sent together with unit"),
        (anything, (), {"second": 1}, "anything() lacks the argument first"),
    ],
)
def test_what_the_function_would_refuse(function: Any, args: Any, kwargs: Any, problem: str) -> None:
    with pytest.raises(TypeError) as refusal:
        bound(function, *args, **kwargs)
    assert str(refusal.value).startswith(problem)


def test_without_a_signature_only_the_form_is_made() -> None:
    assert bind(None, (), {}, function_name="f") == "{}"
    assert bind(None, (1, "a"), {}, function_name="f") == '[1, "a"]'
    assert bind(None, (), {"a": 1}, function_name="f") == '{"a": 1}'
    with pytest.raises(TypeError, match=r"f\(\) does not say what its arguments are called"):
        bind(None, (1,), {"a": 1}, function_name="f")


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({}, None),
        ({"properties": {"a": True}}, None),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}}, None),
        ({"properties": {"a": {"type": ["integer", "null"]}}}, None),
        ({"properties": {"a": {"type": ["string", "null"]}}}, "f(): a is 1, but must be string or null"),
        ({"required": ["b"]}, "f() lacks the argument b"),
        ({"additionalProperties": False}, "f() has no argument 'a'; it has none"),
    ],
)
def test_schemas_of_others(schema: dict[str, Any], problem: str | None) -> None:
    assert bind(schema, (1,), {}, function_name="f") == "[1]"
    if problem is None:
        assert bind(schema, (), {"a": 1}, function_name="f") == '{"a": 1}'
        return
    with pytest.raises(TypeError) as refusal:
        bind(schema, (), {"a": 1}, function_name="f")
    assert str(refusal.value) == problem


def test_commands_read_text() -> None:
    assert bind_text((), {}, function_name="sort") == ""
    assert bind_text(("b\na",), {}, function_name="sort") == "b\na"
    assert bind_text(([1],), {}, function_name="sort") == "[1]"
    with pytest.raises(TypeError, match="sort is a command: it takes one value"):
        bind_text(("a", "b"), {}, function_name="sort")


@pytest.mark.parametrize(
    ("text", "positional", "keyword"),
    [
        ("", [], {}),
        ("{}", [], {}),
        ("[]", [], {}),
        ("null", [None], {}),
        ("[1, 2]", [1, 2], {}),
        ('{"c": 1, "b": 2, "a": 3}', [3, 2], {"c": 1}),
        ('{"b": 2}', [], {"b": 2}),
    ],
)
def test_arguments_that_an_input_stands_for(text: str, positional: list[Any], keyword: dict[str, Any]) -> None:
    assert arguments_of(text, by_position) == (positional, keyword)


@pytest.mark.parametrize("text", ["{", "NaN", "1e400", "[" * 100_000])
def test_inputs_that_stand_for_none(text: str) -> None:
    with pytest.raises(InputIsUnusable, match="The input"):
        arguments_of(text, by_position)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"x-positional": ["a"], "properties": {"a": {"type": "integer", "default": None}}}, "[null]"),
        ({"x-positional": [], "x-variadic": True}, "[1, 2]"),
        ({"x-positional": ["a"], "required": ["a"]}, "7"),
        ({"properties": {"a": {}}, "required": ["a"]}, "[1, 2]"),  # whose positions nobody knows
        ({"required": ["a"]}, "no JSON"),  # which is not of Python
        ({"x-positional": ["a"]}, "9" * 5_000),
        ({"x-positional": ["a"]}, "[" * 100_000 + "]" * 100_000),
    ],
)
def test_an_input_is_refused_only_where_that_is_certain(schema: dict[str, Any], text: str) -> None:
    check_input(schema, text, function_name="f")


def test_a_wrong_input_names_the_argument() -> None:
    with pytest.raises(ArgumentIsWrong, match="lacks the argument a") as caught:
        check_input({"required": ["a"]}, "{}", function_name="f")
    assert caught.value.argument == "a"
