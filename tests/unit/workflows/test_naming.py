"""Names as Temporal takes them: any that the API lets through fits, and is told from others."""

import json

from hypothesis import given
from hypothesis import strategies as st

from workflows.naming import shorten

NAMES = st.text(min_size=1, max_size=1_023)


@given(NAMES)
def test_a_name_fits(name: str) -> None:
    assert len(shorten(name)) <= 255
    assert len(json.dumps(shorten(name))) <= 2_000


@given(st.text(min_size=1, max_size=150))
def test_a_short_one_stays_as_it_is(name: str) -> None:
    assert shorten(name) == name


def test_long_ones_that_begin_alike_are_told_from_each_other() -> None:
    for letter in ("x", "国", "\N{FACE WITH TEARS OF JOY}"):
        first, second = shorten(letter * 1_022 + "1"), shorten(letter * 1_022 + "2")
        assert first != second
        assert first.startswith(letter * 100)
