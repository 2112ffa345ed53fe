"""Moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from control_plane.access.errors import WrongUsage
from control_plane.cli.moments import moment

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1.5h", 5_400), ("7d", 604_800), ("1w", 604_800), ("0s", 0)],
)
def test_so_long_ago(text: str, ago: int) -> None:
    assert moment(text, now=NOW) == NOW.timestamp() - ago


def test_a_date_is_of_this_machine_unless_it_says_otherwise() -> None:
    assert moment("2026-11-27T03:00+01:00", now=NOW) == datetime(2026, 11, 27, 2, tzinfo=UTC).timestamp()
    assert moment("2026-11-27", now=NOW) == datetime(2026, 11, 27).astimezone().timestamp()


def test_a_time_of_day_is_the_last_one() -> None:
    local = NOW.astimezone()
    before, after = local - timedelta(minutes=1), local + timedelta(minutes=1)
    assert moment(f"{before:%H:%M}", now=NOW) == before.timestamp()
    assert moment(f"{after:%H:%M}", now=NOW) < NOW.timestamp() - 80_000  # yesterday's


@pytest.mark.parametrize("text", ["", "2", "2 hours", "yesterday", "25:00", "-2h", "2026-13-01", "1e400s"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(WrongUsage, match="is no moment; write so long ago"):
        moment(text, now=NOW)
