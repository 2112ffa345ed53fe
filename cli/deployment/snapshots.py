"""Copies of folders that stay as they are: what a version of a local stack runs, whatever becomes of the folder."""

import hashlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from cli.client.references import escaped

_LEFT_OUT = frozenset({".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
_REMOVED = ".removed-"  # no project's folder begins with a dot
_PIECE_BYTES = 1024 * 1024
_LINKED = ".venv"  # at the top: large, and bound to its place


class Interrupted(Exception):
    """Somebody wants the copying to end."""


def take_snapshot(
    folder: Path, root: Path, *, project: str, is_interrupted: Callable[[], bool] = lambda: False
) -> Path:
    """A copy of the folder below `root`, named after its content; made if it is not there. Raises OSError.

    A virtual environment at its top is linked, not copied. Links that lead out of the folder go on leading there.
    Sockets and the like are left out. Raises Interrupted, nothing left behind, once `is_interrupted`: it is asked again
    and again.
    """
    home = _home(root, project)
    home.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home))
    try:
        target = home / _copy(folder.resolve(), draft, is_interrupted)
        draft.chmod(0o755)
        try:
            os.rename(draft, target)
        except OSError:  # it is there already
            if not target.is_dir():
                raise
        return target
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_snapshots(root: Path, *, project: str) -> None:
    """All at once, as half a snapshot must not be taken for one; then what is left of this and of earlier removals."""
    with suppress(FileNotFoundError, NotADirectoryError):
        _home(root, project).rename(root / f"{_REMOVED}{uuid.uuid4().hex}")
    for removed in root.glob(f"{_REMOVED}*"):
        shutil.rmtree(removed, ignore_errors=True)


def _home(root: Path, project: str) -> Path:
    """A folder for the project, whatever its name."""
    return root / escaped(project).replace(".", "%2E")


def _copy(folder: Path, draft: Path, is_interrupted: Callable[[], bool]) -> str:
    """Copy what counts; returns the digest of the copy."""
    digest = hashlib.sha256()
    for path in _entries(folder):
        if is_interrupted():
            raise Interrupted
        name = path.relative_to(folder)
        target = draft / name
        if path == folder / _LINKED:
            target.symlink_to(path)
            kind, content = "link", str(path).encode()
        elif path.is_symlink():
            leads_to = _link(path, folder)
            target.symlink_to(leads_to)
            kind, content = "link", os.fsencode(leads_to)
        elif path.is_dir():
            target.mkdir()
            kind, content = "folder", b""
        else:
            content = _copy_file(path, target, is_interrupted)
            kind = "program" if os.access(target, os.X_OK) else "file"
        for part in (kind.encode(), os.fsencode(name), content):
            digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()[:32]


def _copy_file(path: Path, target: Path, is_interrupted: Callable[[], bool]) -> bytes:
    """Piece by piece, its mode included; returns the digest of its content."""
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("xb") as copy:
        while piece := source.read(_PIECE_BYTES):
            if is_interrupted():
                raise Interrupted
            copy.write(piece)
            digest.update(piece)
    shutil.copymode(path, target)
    return digest.digest()


def _entries(folder: Path) -> Iterator[Path]:
    """Folders before what is in them, always in the same order."""
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if path.name in _LEFT_OUT or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            continue
        yield path
        if stat.S_ISDIR(mode) and path.name != _LINKED:
            yield from _entries(path)


def _link(path: Path, folder: Path) -> str:
    """What the copy of a link says: the same within the folder, else where it leads from here."""
    text = os.readlink(path)
    leads_to = path.parent / text
    return text if not os.path.isabs(text) and leads_to.resolve().is_relative_to(folder) else str(leads_to.resolve())
