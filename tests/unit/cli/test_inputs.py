"""NAME=VALUE words as an input: JSON as the rest of the world reads it, with nothing changed on the way."""

import json

import pytest
from control_plane.access.errors import WrongUsage
from control_plane.cli.verbs.inputs import input_of, json_problem


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("7", "7"),
        ("1.10", "1.10"),
        ("1e400", "1e400"),
        ("12345678901234567890.125", "12345678901234567890.125"),
        ("9" * 5_000, "9" * 5_000),
        ('{"a": [1.0, null]}', '{"a": [1.0, null]}'),
        ("NaN", '"NaN"'),
        ("-Infinity", '"-Infinity"'),
        ("[NaN]", '"[NaN]"'),
        ("007", '"007"'),
        ("", '""'),
        (" ", '" "'),
        ("täglich", json.dumps("täglich")),
    ],
)
def test_numbers_keep_their_digits_and_what_is_no_json_is_a_string(value: str, written: str) -> None:
    assert input_of([f"name={value}", "other=1"]) == f'{{"name": {written}, "other": 1}}'


def test_a_name_that_is_given_twice() -> None:
    with pytest.raises(WrongUsage, match="name is given twice"):
        input_of(["name=1", "name=2"])


@pytest.mark.parametrize("text", ["NaN", "[1, Infinity]", '{"a": -Infinity}'])
def test_what_only_python_takes_for_json(text: str) -> None:
    assert json_problem(text) is not None
