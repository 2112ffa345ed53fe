"""What a folder's own files say is no part of it: `.controlplaneignore`, or else the `.gitignore` files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from control_plane.access.errors import CannotBeDone

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

OURS = ".controlplaneignore"
_GITS = ".gitignore"
_ALL_WITHIN = re.compile(r"/\*\*/?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Specifications:
    """Of one file: as they are for files, and for folders."""

    files: "GitIgnoreSpec"
    folders: "GitIgnoreSpec"


class Ignored:
    """Of one folder. Patterns are git's. With a `.controlplaneignore` at its top, that alone counts; else the
    `.gitignore` of each folder, the nearest first."""

    def __init__(self, folder: Path) -> None:
        """Raises CannotBeDone."""
        self._folder = folder
        self.file_name = OURS if (folder / OURS).is_file() else _GITS
        self._specs_in = cache(self._read)

    def holds(self, path: Path, *, is_folder: bool) -> bool:
        """Whether this one is left out, of which the folders above are not. Raises CannotBeDone."""
        for above in self._folders_above(path):
            specs = self._specs_in(above)
            if specs is None:
                continue
            name = path.relative_to(above)
            said = (specs.folders.check_file(f"{name}/") if is_folder else specs.files.check_file(name)).include
            if said is not None:
                return said
        return False

    def covers(self, path: Path) -> bool:
        """Whether this one, or a folder above it, is left out."""
        return self.holds(path, is_folder=path.is_dir()) or any(
            self.holds(above, is_folder=True) for above in self._folders_above(path) if above != self._folder
        )

    def _folders_above(self, path: Path) -> Iterator[Path]:
        """The nearest first, the folder itself last."""
        for above in path.parents:
            yield above
            if above == self._folder:
                return

    def _read(self, folder: Path) -> "_Specifications | None":
        """None where the folder says nothing."""
        if self.file_name == OURS and folder != self._folder:
            return None
        path = folder / self.file_name
        if not path.is_file():
            return None
        try:
            return _specifications(path.read_text(errors="replace").splitlines())
        except (OSError, ValueError) as error:
            raise CannotBeDone(f"{path} cannot be read: {error}") from error


def _specifications(lines: list[str]) -> _Specifications:
    try:
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - it comes with the extras, and only a folder needs it
    except ModuleNotFoundError as error:
        raise CannotBeDone('deploying a folder needs pathspec: pip install "control-plane-client[cli]"') from error
    return _Specifications(
        files=GitIgnoreSpec.from_lines(lines),
        # For git, `data/**` is what is in data, and not data itself, in which another line may keep something.
        folders=GitIgnoreSpec.from_lines(_ALL_WITHIN.sub("/*/", line) for line in lines),
    )
