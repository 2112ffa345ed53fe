"""JSON is read as ever, and refused by its cost before it is paid."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bounded_json import MAX_DEPTH, MAX_ELEMENTS, parse_json

texts = st.text(st.characters(codec="utf-8") | st.sampled_from('[]{},:"\\'), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)


@settings(max_examples=100, deadline=None, database=None)
@given(value=values, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]), is_ascii=st.booleans())
def test_it_is_read_as_json_loads_reads_it(value: object, encoding: str, is_ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=is_ascii).encode(encoding)) == value


@pytest.mark.parametrize(
    "body",
    [
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
        json.dumps("[{" * 1_000_000),  # within a string, brackets are characters
        json.dumps(['\\"[', "[" * 100] * 1_000),
        "[" + "1," * (MAX_ELEMENTS - 2) + "1]",
    ],
)
def test_what_is_within_the_bounds_is_read(body: str) -> None:
    assert parse_json(body.encode()) == json.loads(body)


TOO_DEEP = f"it is nested more than {MAX_DEPTH} deep"
TOO_MANY = f"there are more than {MAX_ELEMENTS:,} elements"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), TOO_DEEP),
        ('{"a":' * (MAX_DEPTH + 1), TOO_DEEP),
        ('["\\"", ' + "[" * MAX_DEPTH, TOO_DEEP),
        ("[" + "1," * MAX_ELEMENTS + "1]", TOO_MANY),
        ("[" + '"",' * (MAX_ELEMENTS + 1), TOO_MANY),
        ("{}" * (MAX_ELEMENTS + 1), TOO_MANY),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_what_is_beyond_them_is_said_to_be(body: str, problem: str, encoding: str) -> None:
    with pytest.raises(json.JSONDecodeError) as refusal:
        parse_json(body.encode(encoding))
    assert refusal.value.msg == problem


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe\xfd", b"9" * 5_000, b'"' + b'\\"' * 1_000_000, b"[" * 10, b"\\" * 9]
)
def test_what_is_no_json_fails_in_one_way_only(body: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        parse_json(body)
