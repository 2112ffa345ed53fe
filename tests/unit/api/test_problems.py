"""A 422 says what is wrong and is short, whatever was sent."""

import json
import math
from typing import Any

import pytest

from api.problems import MAX_BYTES, presentable_problems


def problem(**changes: object) -> dict[str, Any]:
    return {"type": "t", "loc": ("body", 0), "msg": "m", "input": 1, **changes}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (7, 7),
        (math.nan, "nan"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("\ud800", "?"),
        (b"\xff", "\ufffd"),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ({"\ud800": "\udfff"}, {"?": "?"}),
        ([1] * 1_000_000, "[" + "1, " * 66 + "…"),
        ([["x" * 1_000_000]], '[["' + "x" * 196 + "…"),
        (object(), {}),
    ],
)
def test_an_input_is_shown_as_it_is_or_cut(value: object, shown: object) -> None:
    assert presentable_problems([problem(input=value)]) == [problem(loc=["body", 0], input=shown)]


def test_an_input_without_end_is_cut() -> None:
    endless: list[object] = []
    endless.append(endless)
    (shown,) = presentable_problems([problem(input=endless)])
    assert len(json.dumps(shown["input"])) <= 202


def test_the_first_twenty_are_told_and_all_together_they_are_short() -> None:
    assert len(presentable_problems([problem()] * 100_000)) == 20
    long = problem(msg="\u20ac" * 100_000, loc=["\u20ac" * 1_000] * 100, ctx={"error": "\u20ac" * 1_000})
    assert len(json.dumps(presentable_problems([long] * 20), ensure_ascii=False).encode()) <= MAX_BYTES
