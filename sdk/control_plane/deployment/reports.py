"""What a deployment tells while it goes on."""

from collections.abc import Callable

Report = Callable[[str], None]


def ignore(line: str) -> None:
    """Nobody wants to know."""
