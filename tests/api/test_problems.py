"""A 422 says what is wrong and is short, whatever was sent."""

import json
import math
from typing import Any

import httpx2
import pytest

from api.problems import MAX_BYTES, presentable_problems
from domain import bounds
from tests.api.builders import VERSIONS, definition, deploy, function_spec


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


async def test_a_version_has_a_bounded_number_of_functions(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    most = [function_spec(f"f{number}") for number in range(bounds.MAX_FUNCTIONS)]
    assert (await client.post(VERSIONS, json=definition(*most))).status_code == 200
    refused = await client.post(VERSIONS, json=definition(*most, function_spec("one-too-many")))
    assert refused.status_code == 422
    (told,) = refused.json()["detail"]
    assert (told["loc"], told["type"]) == (["body", "functions"], "too_long")


async def test_a_command_has_a_bounded_number_of_words(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    for words, status in ((bounds.MAX_COMMAND_WORDS, 200), (bounds.MAX_COMMAND_WORDS + 1, 422)):
        answer = await client.post(VERSIONS, json=definition(function_spec(command=[""] * words)))
        assert answer.status_code == status
