"""Progress of what may take long and must not hang: whoever does a step says so, whoever waits looks how long ago."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta


class Progress:
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
    """Of all that is done within it, tasks that are created there included."""
    progress = Progress()
    token = _CURRENT.set(progress)
    try:
        yield progress
    finally:
        _CURRENT.reset(token)


def note_progress() -> None:
    """A step is done. Nothing, if nobody watches."""
    progress = _CURRENT.get()
    if progress is not None:
        progress.note()
