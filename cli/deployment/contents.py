"""What is in a folder that is to be copied, and whether it is still the same."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LINKED = Path(".venv")  # at the top: large, and bound to its place
_LEFT_OUT = frozenset({".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})


@dataclass(frozen=True, slots=True)
class EntryState:
    """`change`: differs once the content has changed; of folders, what is in them tells."""

    mode: int
    change: tuple[int, ...]

    @property
    def is_special(self) -> bool:
        """A FIFO, a socket or a device: it has no content that could be kept."""
        return not (stat.S_ISREG(self.mode) or stat.S_ISDIR(self.mode) or stat.S_ISLNK(self.mode))


class FolderContent:
    """`without`: folders that do not count, whatever is in them."""

    def __init__(self, folder: Path, *, without: tuple[Path, ...]) -> None:
        self._folder = folder
        self._without = without

    def state(self) -> dict[Path, EntryState]:
        """By relative paths, folders before what is in them, always in the same order. Raises OSError."""
        return {path.relative_to(self._folder): state for path, state in self._entries(self._folder)}

    def _entries(self, folder: Path) -> Iterator[tuple[Path, EntryState]]:
        for path in sorted(folder.iterdir()):
            if is_left_out(path.name) or path in self._without:
                continue
            state = _state(path)
            yield path, state
            if stat.S_ISDIR(state.mode) and path != self._folder / LINKED:
                yield from self._entries(path)


def is_left_out(name: str) -> bool:
    """What other tools keep beside the code, wherever it is."""
    return name in _LEFT_OUT


def differences(before: Mapping[Path, EntryState], after: Mapping[Path, EntryState]) -> list[Path]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _state(path: Path) -> EntryState:
    found = os.lstat(path)
    is_folder = stat.S_ISDIR(found.st_mode)
    return EntryState(found.st_mode, () if is_folder else (found.st_ino, found.st_size, found.st_mtime_ns))
