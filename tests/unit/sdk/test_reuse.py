"""The bounds within which containers are kept, checked where they are declared."""

from typing import Any

import control_plane as cp
import pytest
from control_plane.reuse import fields_of


def test_unless_given() -> None:
    assert fields_of(cp.Reuse()) == {"idle_seconds": 300, "min_idle": 0, "max_executions": None, "isolation": "fork"}


@pytest.mark.parametrize(
    "least_and_most", [("idle_seconds", 1, 3_600), ("min_idle", 0, 100), ("max_executions", 1, 100_000)]
)
def test_bounds(least_and_most: tuple[str, int, int]) -> None:
    name, least, most = least_and_most
    values: list[Any] = [least, most, least - 1, most + 1, True, 1.5, "1"]
    for value in values[:2]:
        assert fields_of(cp.Reuse(**{name: value}))[name] == value
    for value in values[2:]:
        with pytest.raises(ValueError, match=f"{name} must be {least:,} to {most:,}, not"):
            cp.Reuse(**{name: value})


@pytest.mark.parametrize("isolation", ["thread", None])
def test_isolation(isolation: Any) -> None:
    with pytest.raises(ValueError, match='isolation must be "fork" or "process"'):
        cp.Reuse(isolation=isolation)
