"""What is JSON to everybody, and that nothing is changed on the way without a word."""

import json
import math
from typing import Any

import pytest
from control_plane.container import json_text
from hypothesis import given
from hypothesis import strategies as st

NAN, INFINITY = float("nan"), float("inf")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def strictly(text: str) -> Any:
    """As readers other than Python's do."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    text = json_text.written(value, name="result")
    assert strictly(text) == value
    assert json_text.read(text) == value


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (NAN, "result is nan"),
        ([1, [INFINITY]], "result[1][0] is inf"),
        ({"rows": [{"price": -INFINITY}]}, 'result["rows"][0]["price"] is -inf'),
        (({"a": (NAN,)},), 'result[0]["a"][0] is nan'),
        ({NAN: 1}, "a key of result is nan"),
        ({7: NAN}, "result[7] is nan"),
    ],
)
def test_numbers_that_json_does_not_have_are_refused_with_their_place(value: Any, place: str) -> None:
    with pytest.raises(ValueError, match="which JSON does not have") as refusal:
        json_text.written(value, name="result")
    assert str(refusal.value).startswith(place + ",")


def test_keys_that_would_become_one_are_refused() -> None:
    assert json_text.written({1: "a", "2": "b"}, name="result") == '{"1": "a", "2": "b"}'
    with pytest.raises(ValueError, match=r"result\[0\] has two keys that are one in JSON"):
        json_text.written([{1: "a", "1": "b"}], name="result")


def test_what_holds_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        json_text.written(circle, name="result")


def test_depth_is_json_own_affair() -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert json_text.written(deep, name="result") == "[" * 501 + "]" * 501


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_constants_of_javascript_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON"):
        json_text.read(text)


@pytest.mark.parametrize(
    "digits",
    [
        "1e400",
        "-1E400",
        "1e-400",
        "3.14159265358979323846",
        "9007199254740993.0",
        "1.00000000000000000001",
        "0.1" + "1" * 40,
    ],
)
def test_numbers_that_would_lose_digits_are_refused(digits: str) -> None:
    with pytest.raises(ValueError, match="a float cannot keep the number"):
        json_text.read(f'{{"a": [{digits}]}}')


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["%r", "%.17g", "%.25e", "%.40f"]))
def test_a_float_is_read_however_it_is_written(number: float, how: str) -> None:
    digits = how % number
    if how == "%.40f" and abs(number) < 1e-20 and number != 0:
        return  # the digits are cut off
    assert float(json_text.read(digits)) == number


@given(st.integers())
def test_integers_keep_all_their_digits(number: int) -> None:
    assert json_text.read(str(number)) == number


@pytest.mark.parametrize("digits", ["0.0", "-0.0", "0e7", "100000000000000000000.0", "5e-324", "4.9e-324", "1.5E+3"])
def test_numbers_that_lose_nothing(digits: str) -> None:
    assert math.isclose(json_text.read(digits), float(digits))
