"""A copy of a warm container's process gives its report to its parent, which says it with its next question: an
execution that is short takes a request less."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Dict

from control_plane.container.kept_connections import file_of

# Of a longer execution the parent may be in the midst of a question when the report comes.
LONGEST_SECONDS = 0.4
# Fits into a pipe that nobody reads from.
_MOST_BYTES = 32_768
_END = b"\n"


class ReportPipe:
    """From a copy, which has `hand_over`, to its parent. Made before the copy is, which shares it then. Raises
    OSError."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._file = file_of(self._writer)
        self._begin = 0.0

    def keep_to_read(self) -> None:
        """In the parent."""
        os.close(self._writer)

    def keep_to_write(self) -> None:
        """In the copy."""
        os.close(self._reader)

    def begin(self) -> None:
        """In the copy: its execution begins now."""
        self._begin = time.monotonic()

    def hand_over(self, report: Dict[str, Any]) -> bool:
        """In the copy. False: it has to report by itself. The user's code may have closed the pipe, or given its number
        to something else."""
        content = json.dumps(report).encode() + _END
        is_short = time.monotonic() - self._begin < LONGEST_SECONDS
        if not is_short or len(content) > _MOST_BYTES or "output_blob" in report:
            return False
        try:
            return file_of(self._writer) == self._file and os.write(self._writer, content) == len(content)
        except OSError:
            return False

    def read(self) -> Dict[str, Any] | None:
        """In the parent: what has been handed over and was not read yet."""
        content = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._reader, _MOST_BYTES):
                content += piece
        if not content.endswith(_END):  # the copy has died in its midst, or reports by itself
            return None
        with contextlib.suppress(ValueError):  # the user's code may write what it likes
            report: Dict[str, Any] = json.loads(content)
            return report
        return None

    def close(self) -> None:
        """In the parent."""
        os.close(self._reader)
