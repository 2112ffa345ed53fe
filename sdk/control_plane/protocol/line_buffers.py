"""Cuts what a connection brings into lines, at `\\n` alone: other ends of lines may stand in JSON as they are."""

from __future__ import annotations

from collections import deque
from typing import Deque, List


class LineBuffer:
    def __init__(self) -> None:
        self._lines: Deque[bytes] = deque()
        self._begun: List[bytes] = []

    def take(self, piece: bytes) -> None:
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._lines.append(b"".join([*self._begun, line]).rstrip(b"\r"))
            self._begun = []
        self._begun.append(rest)

    def next(self) -> bytes | None:
        """The next whole line without its end, None if there is none yet. What comes after the last end is no line: a
        connection has broken within it."""
        return self._lines.popleft() if self._lines else None
