"""Durations in few characters."""

import pytest
from control_plane.cli.durations import age, in_short


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0.0, "0.00s"),
        (0.415, "0.41s"),
        (12.34, "12.3s"),
        (99.96, "1m40s"),
        (125, "2m05s"),
        (3_599.6, "1h00m"),
        (12_000, "3h20m"),
        (4 * 86_400 + 3 * 3_600, "4d03h"),
    ],
)
def test_in_short(seconds: float | None, shown: str) -> None:
    assert in_short(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0s"), (5.9, "5s"), (90, "90s"), (120, "2m"), (7_199, "1h"), (86_400, "1d"), (9e6, "104d")],
)
def test_age(seconds: float, shown: str) -> None:
    assert age(seconds) == shown
