"""What is JSON to everybody, what becomes JSON, and that nothing is changed on the way without a word."""

import base64
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from typing import Any, NamedTuple

import pytest
from control_plane.decoding import decode
from control_plane.encoding import encode
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

NAN, INFINITY = float("nan"), float("inf")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


class Point(NamedTuple):
    x: int
    y: int


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Row:
    price: Any
    name: str = "bread"


class Model(BaseModel):
    at: datetime.datetime
    price: float = 1.5


def strictly(text: str) -> Any:
    """As readers other than Python's do."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@given(VALUES)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    text = encode(value, name="result")
    assert strictly(text) == value
    assert decode(text) == value


MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=datetime.UTC)
ID = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Row(1), {"price": 1, "name": "bread"}),
        (Row(Row(Point(1, 2))), {"price": {"price": [1, 2], "name": "bread"}, "name": "bread"}),
        (Point(1, 2), [1, 2]),
        (MOMENT, "2026-03-04T05:06:07.000008+00:00"),
        (MOMENT.date(), "2026-03-04"),
        (MOMENT.time(), "05:06:07.000008"),
        (datetime.timedelta(days=400, seconds=5.5), "P400DT5.5S"),
        (decimal.Decimal("1.10"), "1.10"),
        (ID, str(ID)),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (b"\0\xff", base64.b64encode(b"\0\xff").decode()),
        (bytearray(b"a"), "YQ=="),
        (memoryview(b"a"), "YQ=="),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({1, "a"}, ["a", 1]),
        (collections.deque([1]), [1]),
        (range(3), [0, 1, 2]),
        (Model(at=MOMENT), {"at": "2026-03-04T05:06:07.000008Z", "price": 1.5}),
        ({ID: 1, Colour.RED: 2, MOMENT.date(): 3}, {str(ID): 1, "red": 2, "2026-03-04": 3}),
        ({True: 1, None: 2, 1.5: 3, Level.HIGH: 4}, {"true": 1, "null": 2, "1.5": 3, "3": 4}),
        (collections.OrderedDict(a=(1, [MOMENT.date()])), {"a": [1, ["2026-03-04"]]}),
    ],
)
def test_what_has_a_form_in_json(value: Any, written: Any) -> None:
    assert strictly(encode(value, name="result")) == written
    assert strictly(encode({"a": [value]}, name="result")) == {"a": [written]}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (NAN, "result is nan, which JSON does not have"),
        ([1, [INFINITY]], "result[1][0] is inf"),
        ({"rows": [0, 1, 2, Row(-INFINITY)]}, 'result["rows"][3].price is -inf'),
        (({"a": (NAN,)},), 'result[0]["a"][0] is nan'),
        ({NAN: 1}, "a key of result is nan"),
        ({7: NAN}, "result[7] is nan"),
        (Model(at=MOMENT, price=NAN), "result.price is nan"),
        (decimal.Decimal("NaN"), "result is NaN"),
        ([object()], "result[0] is an object, which has no form in JSON; give what is in it, or a text"),
        ({"a": Row(1j)}, 'result["a"].price is a complex'),
        ([Row], "result[0] is a type"),
        ({(1, 2): 3}, "a key of result is a tuple"),
        ([{1: "a", "1": "b"}], 'result[0] has two keys that are one in JSON, where every key is a string: "1"'),
        ({ID: 1, str(ID): 2}, "result has two keys that are one"),
    ],
)
def test_what_has_none_is_refused_with_its_place(value: Any, problem: str) -> None:
    with pytest.raises(TypeError) as refusal:
        encode(value, name="result")
    assert str(refusal.value).startswith(problem)
    assert "\n" not in str(refusal.value)


def test_an_integer_that_python_does_not_write_is_refused() -> None:
    with pytest.raises(TypeError, match="result cannot be written as JSON: Exceeds the limit"):
        encode([10**5_000], name="result")


def test_what_holds_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append({"a": circle})
    with pytest.raises(TypeError, match=r'result\[0\]\["a"\] holds itself'):
        encode(circle, name="result")
    row = Row(None)
    row.price = [row]
    with pytest.raises(TypeError, match=r"result\.price\[0\] holds itself"):
        encode(row, name="result")


def test_the_same_value_in_two_places_is_no_circle() -> None:
    row = Row(1)
    assert strictly(encode([row, {ID: row}], name="result"))[1][str(ID)] == {"price": 1, "name": "bread"}


def test_depth() -> None:
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    assert encode(deep, name="result") == "[" * 501 + "]" * 501
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TypeError, match="result is nested too deeply"):
        encode(deep, name="result")
    while deep:  # or its end is as deep
        deep = deep.pop()


def test_halves_of_surrogate_pairs_are_escaped_and_nothing_else() -> None:
    assert encode("ä\ud800€", name="result") == '"ä\\ud800€"'


@given(st.timedeltas())
def test_durations_are_read_by_others(value: datetime.timedelta) -> None:
    assert TypeAdapter(datetime.timedelta).validate_json(encode(value, name="result")) == value


@given(st.sets(st.text() | st.integers() | st.booleans() | st.none()))
def test_sets_are_written_alike_each_time(value: set[Any]) -> None:
    assert encode(value, name="result") == encode({*reversed([*value])}, name="result")


def test_an_error_of_the_value_itself_is_its_own() -> None:
    class Broken(BaseModel):
        def model_dump(self, **_options: Any) -> Any:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        encode([Broken()], name="result")
