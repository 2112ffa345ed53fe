"""Times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from api.console.views.texts import ABSENT
from api.console.views.times import duration, exact_moment, moment, relative

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (-0.9, "now"),
        (-1, "1 s ago"),
        (-59.9, "59 s ago"),
        (-60, "1 min ago"),
        (-3_600, "1 h ago"),
        (-86_400 * 3, "3 d ago"),
        (90, "in 1 min"),
    ],
)
def test_how_long_ago_it_was(seconds: float, text: str) -> None:
    assert relative(NOW + timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0.0421, "42 ms"),
        (1.25, "1.2 s"),
        (61, "1 min 1 s"),
        (3_661, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_how_long_it_took(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


def test_the_exact_time_is_beside_it() -> None:
    assert 'datetime="2026-03-01T12:00:00.000+00:00" title="2026-03-01 12:00:00 UTC"' in moment(NOW)
    assert moment(None) == ABSENT
    assert duration(None) == ABSENT


def test_a_page_that_stays_open_has_the_exact_time() -> None:
    assert exact_moment(NOW) == '<time datetime="2026-03-01T12:00:00.000+00:00">2026-03-01 12:00:00 UTC</time>'
