"""A value of every type that has a form in JSON, and such that have none."""

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import typing
import uuid

import numpy
import pandas
import pydantic

MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Point(typing.NamedTuple):
    x: int
    y: float


POINT = Point(1, 2.5)


@dataclasses.dataclass
class Row:
    price: typing.Any
    point: Point = POINT


class Model(pydantic.BaseModel):
    at: datetime.datetime
    price: decimal.Decimal


VALUES = {
    "plain": [None, True, 1, 1.5, "text", {"a": []}],
    "dataclass": Row(decimal.Decimal("1.10")),
    "named tuple": Point(3, 4.5),
    "datetime": MOMENT,
    "date": MOMENT.date(),
    "time": MOMENT.time(),
    "timedelta": datetime.timedelta(days=2, seconds=3.5),
    "decimal": decimal.Decimal("0.10"),
    "uuid": uuid.UUID(int=1),
    "path": pathlib.PurePosixPath("/a"),
    "enum": [Colour.RED, Level.HIGH],
    "bytes": [b"\x00\xff", bytearray(b"a"), memoryview(b"a")],
    "sets": [{2, 1}, frozenset("a")],
    "deque": collections.deque([1]),
    "keys": {uuid.UUID(int=2): 1, Colour.RED: 2, MOMENT.date(): 3, 4: 5, None: 6, numpy.int64(7): 8},
    "numpy scalars": [numpy.int64(1), numpy.float32(0.5), numpy.bool_(True), numpy.datetime64("2026-01-02")],
    "numpy arrays": [numpy.array([[1, 2], [3, 4]]), numpy.array(["2026-01-02"], dtype="datetime64[D]")],
    "pandas scalars": [pandas.Timestamp("2026-01-02"), pandas.NaT, pandas.NA, pandas.Timedelta(seconds=90)],
    "series": [pandas.Series([1, 2]), pandas.Series(["a", None]), pandas.Index([3])],
    "frame": pandas.DataFrame({"n": [1, 2], "when": pandas.to_datetime(["2026-01-02", None])}),
    "model": Model(at=MOMENT, price=decimal.Decimal("1.5")),
    "surrogate": "half \ud800",
}
WRITTEN = {
    "plain": [None, True, 1, 1.5, "text", {"a": []}],
    "dataclass": {"price": "1.10", "point": [1, 2.5]},
    "named tuple": [3, 4.5],
    "datetime": "2026-03-04T05:06:07+00:00",
    "date": "2026-03-04",
    "time": "05:06:07",
    "timedelta": "P2DT3.5S",
    "decimal": "0.10",
    "uuid": "00000000-0000-0000-0000-000000000001",
    "path": "/a",
    "enum": ["red", 3],
    "bytes": ["AP8=", "YQ==", "YQ=="],
    "sets": [[1, 2], ["a"]],
    "deque": [1],
    "keys": {
        "00000000-0000-0000-0000-000000000002": 1,
        "red": 2,
        "2026-03-04": 3,
        "4": 5,
        "null": 6,
        "7": 8,
    },
    "numpy scalars": [1, 0.5, True, "2026-01-02"],
    "numpy arrays": [[[1, 2], [3, 4]], ["2026-01-02"]],
    "pandas scalars": ["2026-01-02T00:00:00", None, None, "PT1M30S"],
    "series": [[1, 2], ["a", None], [3]],
    "frame": [{"n": 1, "when": "2026-01-02T00:00:00"}, {"n": 2, "when": None}],
    "model": {"at": "2026-03-04T05:06:07Z", "price": "1.5"},
    "surrogate": "half \ud800",
}


def circle():
    value = []
    value.append({"a": value})
    return value


# Each with the beginning of what is said about it.
UNREADABLE = {
    "nan": ({"rows": [0, 1, 2, Row(float("nan"))]}, 'result["rows"][3].price is nan'),
    "infinity": ([float("-inf")], "result[0] is -inf"),
    "decimal": (decimal.Decimal("NaN"), "result is NaN"),
    "array": ({"a": numpy.array([1.5, numpy.nan])}, 'result["a"][1] is nan'),
    "frame": (pandas.DataFrame({"price": [1.5, numpy.nan]}), 'result[1]["price"] is nan'),
    "circle": (circle(), 'result[0]["a"] holds itself'),
    "complex": ([1j], "result[0] is a complex"),
    "object": ({"a": object()}, 'result["a"] is an object'),
    "key": ({(1, 2): 3}, "a key of result is a tuple"),
    "keys": ({1: "a", "1": "b"}, "result has two keys that are one in JSON"),
}
