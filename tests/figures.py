"""Figures that a test measured, shown whether it passes or not."""

import pytest


def show(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        print(f"\n{line}", end=" ")  # noqa: T201
