"""A copy of a warm container's process gives its report to its parent, which says it with its next question: an
execution that is short takes a request less."""

from __future__ import annotations

import contextlib
import os
from json import dumps, loads
from time import monotonic
from typing import Any, Dict

from control_plane.container.kept_connections import file_of

# Of a longer execution the parent may be in the midst of a question when the report comes.
LONGEST_SECONDS = 0.4
# Fits into a pipe that nobody reads from.
_MOST_BYTES = 32_768
_PIPE_BYTES = 65_536
_MARK_BYTES = 16
_END = b"\n"

# As `dumps` bound when we are loaded: what the user's code puts in their places is for itself.
_monotonic = monotonic


class ReportPipe:
    """From a copy, which has `hand_over`, to its parent. Made before the copy is, which shares it then. Raises
    OSError."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._file = file_of(self._writer)
        self._mark = os.urandom(_MARK_BYTES)  # what else is written into it is not ours
        self._until = 0.0
        self._content = b""
        self._is_over = False

    def keep_to_read(self) -> None:
        """In the parent."""
        os.close(self._writer)

    def keep_to_write(self) -> None:
        """In the copy."""
        os.close(self._reader)

    def take_until(self, moment: float) -> None:
        """In the copy: on the clock of both, which is the machine's. What comes later it has to report by itself."""
        self._until = moment

    def hand_over(self, report: Dict[str, Any]) -> bool:
        """In the copy. False: it has to report by itself. The user's code may have closed the pipe, or given its number
        to something else."""
        if _monotonic() >= self._until or "output_blob" in report or len(report["final_output"] or "") > _MOST_BYTES:
            return False
        content = self._mark + dumps(report).encode() + _END
        try:
            return (
                len(content) <= _MOST_BYTES
                and file_of(self._writer) == self._file
                and os.write(self._writer, content) == len(content)
            )
        except OSError:
            return False

    @property
    def descriptor(self) -> int | None:
        """In the parent: from which something may come still."""
        return None if self._is_over else self._reader

    def read(self) -> Dict[str, Any] | None:
        """In the parent: what has been handed over and was not read yet."""
        with contextlib.suppress(BlockingIOError):
            piece = os.read(self._reader, _PIPE_BYTES)
            self._content = (self._content + piece)[-_PIPE_BYTES:]
            self._is_over = not piece
        _, mark, text = self._content.rpartition(self._mark)
        if not mark or not text.endswith(_END):
            return None
        self._content = b""
        with contextlib.suppress(ValueError):
            report = loads(text)
            return report if isinstance(report, dict) else None
        return None

    def close(self) -> None:
        """In the parent."""
        os.close(self._reader)
