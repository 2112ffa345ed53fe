"""Tells work that takes long from work that hangs: each step is noted, and a watchdog sees how long ago the last
was."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta


class Progress:
    """When the last step was done, by the monotonic clock."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    @property
    def age(self) -> timedelta:
        """How long ago the last step was."""
        return timedelta(seconds=time.monotonic() - self._last)

    def note(self) -> None:
        self._last = time.monotonic()


_CURRENT: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def watched_progress() -> Iterator[Progress]:
    """The progress of everything that is done within the context, also by tasks that are created there."""
    progress = Progress()
    token = _CURRENT.set(progress)
    try:
        yield progress
    finally:
        _CURRENT.reset(token)


def note_progress() -> None:
    """Note that a step is done. Does nothing outside of `watched_progress`."""
    progress = _CURRENT.get()
    if progress is not None:
        progress.note()
