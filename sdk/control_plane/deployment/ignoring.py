"""What a folder's own files say is no part of it: `.controlplaneignore`, or else the `.gitignore` files."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from control_plane.access.errors import CannotBeDone

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

OURS = ".controlplaneignore"
_GITS = ".gitignore"


class Ignored:
    """Of one folder. Patterns are git's. With a `.controlplaneignore` at its top, that alone counts; else the
    `.gitignore` of each folder, the nearest first."""

    def __init__(self, folder: Path) -> None:
        """Raises CannotBeDone."""
        self._folder = folder
        self.file_name = OURS if (folder / OURS).is_file() else _GITS
        self._spec_in = cache(self._read)

    def holds(self, path: Path, *, is_folder: bool) -> bool:
        """Whether this one is left out, of which the folders above are not. Raises CannotBeDone."""
        for above in self._folders_above(path):
            spec = self._spec_in(above)
            said = None if spec is None else spec.check_file(f"{path.relative_to(above)}{'/' * is_folder}").include
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

    def _read(self, folder: Path) -> "GitIgnoreSpec | None":
        """None where the folder says nothing."""
        if self.file_name == OURS and folder != self._folder:
            return None
        path = folder / self.file_name
        if not path.is_file():
            return None
        try:
            return _specification(path.read_text(errors="replace").splitlines())
        except (OSError, ValueError) as error:
            raise CannotBeDone(f"{path} cannot be read: {error}") from error


def _specification(lines: list[str]) -> "GitIgnoreSpec":
    try:
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - it comes with the extras, and only a folder needs it
    except ModuleNotFoundError as error:
        raise CannotBeDone('deploying a folder needs pathspec: pip install "control-plane-client[cli]"') from error
    return GitIgnoreSpec.from_lines(lines)
