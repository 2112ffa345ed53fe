"""How many results there are of how many: a bar on a terminal, a line now and then elsewhere. All on stderr."""

import sys
import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from control_plane.cli.output import note
from control_plane.cli.states import in_words
from control_plane.cli.terminal import wants_style

_LINE_EVERY_SECONDS = 10.0


class ProgressBar:
    """A context in which it is shown."""

    def __init__(self, size: int, outcomes: Counter[str]) -> None:
        """`outcomes`: counted by whoever collects."""
        self._size = size
        self._outcomes = outcomes
        self._said_at = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> "ProgressBar":
        if sys.stderr.isatty():
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            console = Console(file=sys.stderr, no_color=not wants_style())
            self._bar = Progress(*columns, console=console)
            self._task = self._bar.add_task("", total=self._size, completed=self._outcomes.total())
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self) -> None:
        """After each result."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._outcomes.total(), description=in_short(self._outcomes))
        elif time.monotonic() > self._said_at + _LINE_EVERY_SECONDS:
            self._said_at = time.monotonic()
            note(f"{self._outcomes.total():,} of {self._size:,}: {in_short(self._outcomes)}")


def in_short(outcomes: Counter[str]) -> str:
    """`98 succeeded, 2 failed`."""
    return ", ".join(f"{count:,} {in_words(outcome)}" for outcome, count in outcomes.items())
