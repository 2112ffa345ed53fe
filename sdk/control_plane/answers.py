"""The file in which `control_plane.describe` answers: a channel of its own, which nothing that main.py prints
gets into."""

from __future__ import annotations

import os
import threading
from json import dumps
from os import replace  # what main.py makes of these modules is not ours
from typing import Any

_open = open


class AnswerFile:
    """Holds one JSON object, whole or not at all; only the process that made this object writes it, no copy of it."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._is_settled = False

    @property
    def is_ours(self) -> bool:
        return os.getpid() == self._pid

    def note(self, document: dict[str, Any]) -> None:
        """What is so for now; nothing any more once an answer was given."""
        if self.is_ours:
            with self._lock:
                if not self._is_settled:
                    self._write(document)

    def settle(self, document: dict[str, Any]) -> None:
        """The answer, until there is a later one."""
        if self.is_ours:
            with self._lock:
                self._is_settled = True
                self._write(document)

    def _write(self, document: dict[str, Any]) -> None:
        draft = self._path + ".new"
        with _open(draft, "w") as file:
            file.write(dumps(document))
        replace(draft, self._path)
