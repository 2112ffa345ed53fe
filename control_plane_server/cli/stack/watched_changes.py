"""Which changes in a watched folder call for a deployment."""

import time
from collections.abc import Collection
from pathlib import Path

from control_plane.access.errors import CannotBeDone
from control_plane.deployment.ignoring import Ignored
from control_plane.deployment.snapshots import LEFT_OUT
from watchfiles import Change, DefaultFilter

_CLOCK_TICK = 0.02  # seconds by which a file's time may be behind the clock
_MOST_IN_A_ROW = 3


class Relevant:
    """Not those of what is no part of a deployment, and of what editors write beside files."""

    def __init__(self, folder: Path, *, data_dir: Path) -> None:
        """Both resolved."""
        self._folder = folder
        self._data_dir = data_dir if data_dir != folder and data_dir.is_relative_to(folder) else None
        self._not_of_editors = DefaultFilter()

    def __call__(self, change: Change, path: str) -> bool:
        changed = Path(path)
        if changed == self._folder or not changed.is_relative_to(self._folder):
            return False  # what changes in a folder is told by itself
        if self._data_dir is not None and changed.is_relative_to(self._data_dir):
            return False
        within = changed.relative_to(self._folder)
        if {".venv", *LEFT_OUT}.intersection(within.parts) or not self._not_of_editors(change, f"/{within}"):
            return False
        try:
            return not Ignored(self._folder).covers(changed)
        except CannotBeDone:  # an ignore file that is being written: the deployment says what is wrong with it
            return True


class ReadingTime:
    """When declarations were read last: a module may write files each time it is imported, a log for example, and would
    be deployed for ever. What changed meanwhile may also be somebody's edit, and so is deployed once more."""

    def __init__(self) -> None:
        self._began = 0.0
        self._ended: float | None = 0.0
        self._in_a_row = 0

    def begin(self) -> None:
        self._began, self._ended = time.time(), None

    def end(self) -> None:
        """The first time after `begin` counts."""
        if self._ended is None:
            self._ended = time.time()

    def counts(self, changed: Collection[Path]) -> bool:
        """Whether these changes call for a deployment. Of code that changed while it was read, more often than of what
        is hardly ever edited by hand."""
        if not changed:
            return False
        if not all(map(self._is_of_reading, changed)):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        return self._in_a_row <= (_MOST_IN_A_ROW if any(path.suffix == ".py" for path in changed) else 1)

    def _is_of_reading(self, path: Path) -> bool:
        try:
            changed = path.lstat().st_ctime
        except OSError:  # it was removed
            try:
                changed = path.parent.lstat().st_mtime
            except OSError:
                return False
        ended = time.time() if self._ended is None else self._ended
        return self._began - _CLOCK_TICK <= changed <= ended
