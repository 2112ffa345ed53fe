"""Forms made of signatures, and inputs made of forms."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from api.console.views.argument_fields import PREFIX, ArgumentField, FieldKind, entered, fields_of, filled, input_of

PROPERTIES: dict[str, Any] = {
    "url": {"type": "string"},
    "width": {"type": "integer", "default": 800},
    "scale": {"type": "number", "default": 1.5},
    "sharp": {"type": "boolean", "default": True},
    "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    "mode": {"enum": ["fit", "fill"], "default": "fit"},
    "sizes": {"type": "array", "default": [1]},
    "anything": {"default": None},
}
SIGNATURE = json.dumps({"type": "object", "properties": PROPERTIES, "required": ["url"]})


def fields(signature: str = SIGNATURE) -> list[ArgumentField]:
    found = fields_of(signature)
    assert found is not None
    return found


def sent(values: Mapping[str, str]) -> Callable[[str], str]:
    """As browsers send it: all fields, but for checkboxes that are not checked."""
    shown = {field.name: field.entered for field in fields()}
    return lambda name: {PREFIX + key: text for key, text in {**shown, **values}.items()}.get(name, "")


def problems(values: Mapping[str, str]) -> dict[str, str | None]:
    return {field.name: field.problem for field in entered(fields(), sent(values)) if field.problem}


def test_a_field_for_each_argument() -> None:
    assert [(field.name, field.kind, field.entered) for field in fields()] == [
        ("url", FieldKind.TEXT, ""),
        ("width", FieldKind.INTEGER, "800"),
        ("scale", FieldKind.NUMBER, "1.5"),
        ("sharp", FieldKind.CHECKBOX, "true"),
        ("note", FieldKind.TEXT, ""),
        ("mode", FieldKind.CHOICE, '"fit"'),
        ("sizes", FieldKind.JSON, "[\n  1\n]"),
        ("anything", FieldKind.JSON, "null"),
    ]
    assert [field.name for field in fields() if field.default is None] == ["url"]


@pytest.mark.parametrize(
    ("values", "arguments"),
    [
        ({"url": "x"}, {"url": "x"}),
        ({}, {"url": ""}),
        ({"url": "a\r\nb", "width": " 7 ", "scale": "2"}, {"url": "a\nb", "width": 7, "scale": 2}),
        ({"width": "", "scale": "", "sizes": " "}, {"url": ""}),
        ({"sharp": "", "note": "hm", "mode": '"fill"'}, {"url": "", "sharp": False, "note": "hm", "mode": "fill"}),
        ({"sizes": '[{"a": 1}]', "anything": '"x"'}, {"url": "", "sizes": [{"a": 1}], "anything": "x"}),
        ({"width": str(2**70)}, {"url": "", "width": 2**70}),
    ],
)
def test_an_input_has_what_is_not_as_by_default(values: dict[str, str], arguments: dict[str, Any]) -> None:
    found = entered(fields(), sent(values))
    assert [field.problem for field in found if field.problem] == []
    assert json.loads(input_of(found)) == arguments


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"width": "1.5"}, {"width": "It is a whole number."}),
        ({"width": "true"}, {"width": "It is a whole number."}),
        ({"scale": "1,5"}, {"scale": "It is a number, with a point and not a comma."}),
        ({"mode": '"other"'}, {"mode": "It is none of these."}),
        ({"sizes": "[1"}, {"sizes": "It is not JSON: Expecting ',' delimiter: line 1 column 3 (char 2)."}),
        ({"sizes": "[" * 100_000}, {"sizes": None}),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(values: dict[str, str], wrong: dict[str, str | None]) -> None:
    found = problems(values)
    assert found.keys() == wrong.keys()
    assert all(text is None or found[name] == text for name, text in wrong.items())


def test_what_is_needed_is_asked_for() -> None:
    signature = json.dumps(
        {"properties": {"n": {"type": "integer"}, "sure": {"type": "boolean"}}, "required": ["n", "sure"]}
    )
    n, sure = entered(fields(signature), lambda _: "")
    assert (n.problem, sure.problem) == ("It is needed.", None)
    assert input_of([sure]) == '{"sure": false}'


def test_filled_in_with_an_earlier_input() -> None:
    again = filled(fields(), '{"url": "u", "sharp": false, "note": "n", "sizes": [2], "mode": "fill"}')
    assert again is not None
    assert {field.name: field.entered for field in again} == {
        "url": "u",
        "width": "800",
        "scale": "1.5",
        "sharp": "",
        "note": "n",
        "mode": '"fill"',
        "sizes": "[\n  2\n]",
        "anything": "null",
    }
    assert filled(fields(), "") == fields()
    assert filled(fields(), '{"other": 1}') is None
    assert filled(fields(), "[1]") is None
    assert filled(fields(), "{") is None


@pytest.mark.parametrize("signature", [None, "{}", "[]", "{", '{"properties": [1]}', '{"properties": {"a": 3}}'])
def test_a_schema_that_says_nothing_of_arguments(signature: str | None) -> None:
    assert fields_of(signature) is None
