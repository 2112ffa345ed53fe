"""The folder of folders that are images: snapshots of what was deployed, and a file that says whose they are."""

import shutil
import uuid
from contextlib import suppress
from pathlib import Path

IDENTITY = ".identity"  # no project's folder begins with a dot
DRAFT = "draft-"  # copies are made in such folders
_REMOVED = ".removed-"


def identity_of(root: Path) -> str | None:
    """None where there is none, or none that we may read."""
    try:
        return (root / IDENTITY).read_text().strip() or None
    except (OSError, ValueError):
        return None


def remove(folder: Path, *, root: Path) -> None:
    """A project's folder in the root, or one of its snapshots. At once, as half a snapshot must not be taken for one;
    then what is left of this and of earlier removals."""
    with suppress(FileNotFoundError, NotADirectoryError):
        folder.rename(root / f"{_REMOVED}{uuid.uuid4().hex}")
    for removed in root.glob(f"{_REMOVED}*"):
        shutil.rmtree(removed, ignore_errors=True)
