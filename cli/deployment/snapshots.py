"""Copies of folders that stay as they are: what a version of a local stack runs, whatever becomes of the folder."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cli.client.references import escaped

_LEFT_OUT = frozenset({".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
_LINKED = ".venv"  # at the top: large, and bound to its place


def take_snapshot(folder: Path, root: Path, *, project: str) -> Path:
    """A copy of the folder below `root`, named after its content; made if it is not there. Raises OSError.

    A virtual environment at its top is linked, not copied. Links that lead out of the folder go on leading there.
    Sockets and the like are left out.
    """
    home = _home(root, project)
    home.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home))
    try:
        target = home / _copy(folder.resolve(), draft)
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
    shutil.rmtree(_home(root, project), ignore_errors=True)


def _home(root: Path, project: str) -> Path:
    """A folder for the project, whatever its name."""
    return root / escaped(project).replace(".", "%2E")


def _copy(folder: Path, draft: Path) -> str:
    """Copy what counts; returns the digest of the copy."""
    digest = hashlib.sha256()
    for path in _entries(folder):
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
            shutil.copy(path, target)
            kind = "program" if os.access(target, os.X_OK) else "file"
            with target.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        for part in (kind.encode(), os.fsencode(name), content):
            digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()[:32]


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
