"""JSON is read without changing a number in silence."""

import math
from typing import Any

import pytest
from control_plane.decoding import NumberIsLost, decode, output_value
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_constants_of_javascript_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON"):
        decode(text)


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
        decode(f'{{"a": [{digits}]}}')


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["%r", "%.17g", "%.25e", "%.40f"]))
def test_a_float_is_read_however_it_is_written(number: float, how: str) -> None:
    digits = how % number
    if how == "%.40f" and abs(number) < 1e-20 and number != 0:
        return  # the digits are cut off
    assert float(decode(digits)) == number


@given(st.integers())
def test_integers_keep_all_their_digits(number: int) -> None:
    assert decode(str(number)) == number


@pytest.mark.parametrize("digits", ["0.0", "-0.0", "0e7", "100000000000000000000.0", "5e-324", "4.9e-324", "1.5E+3"])
def test_numbers_that_lose_nothing(digits: str) -> None:
    assert math.isclose(decode(digits), float(digits))


@pytest.mark.parametrize(
    ("output", "is_text", "value"),
    [
        (None, None, None),
        ("[1.5]", False, [1.5]),
        ("[1.5]", None, [1.5]),
        ("[1.5]", True, "[1.5]"),
        ("NaN", None, "NaN"),
        ("plain text", None, "plain text"),
    ],
)
def test_outputs_are_json_or_text(output: str | None, is_text: bool | None, value: Any) -> None:
    assert output_value(output, is_text=is_text) == value


def test_an_output_that_is_changed_by_reading_is_no_text_either() -> None:
    with pytest.raises(NumberIsLost):
        output_value("1e400")
    with pytest.raises(ValueError, match="Expecting value"):
        output_value("plain text", is_text=False)
