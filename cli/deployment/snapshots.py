"""Copies of folders that stay as they are: what a version of a local stack runs, whatever becomes of the folder."""

import hashlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.client.references import escaped

_LEFT_OUT = frozenset({".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
_STACKS = ".control-plane"  # what a stack keeps: databases that change, sockets, keys, and the snapshots themselves
_TRIES = 3
_REMOVED = ".removed-"  # no project's folder begins with a dot
_PIECE_BYTES = 1024 * 1024
_LINKED = ".venv"  # at the top: large, and bound to its place


class Interrupted(Exception):
    """Somebody wants the copying to end."""


class FolderChanges(Exception):
    """Somebody writes to the folder while it is copied; the text says where."""


def take_snapshot(
    folder: Path,
    root: Path,
    *,
    project: str,
    is_interrupted: Callable[[], bool] = lambda: False,
    report: Callable[[str], None] = lambda _line: None,
) -> Path:
    """A copy of the folder below `root`, named after its content; made if it is not there. Raises OSError, and
    FolderChanges if it was not the same all the time, three times in a row.

    A virtual environment at its top is linked, not copied. Links that lead out of the folder go on leading there, all
    others stay within the copy. Sockets and the like are left out, of which `report` is told, and so is what a stack
    keeps in the folder. Raises Interrupted, nothing left behind, once `is_interrupted`: it is asked again and again.
    """
    for _ in range(_TRIES - 1):
        with suppress(FolderChanges):
            return _take_snapshot(folder, root, project, is_interrupted, report)
    return _take_snapshot(folder, root, project, is_interrupted, report)


def _take_snapshot(
    folder: Path, root: Path, project: str, is_interrupted: Callable[[], bool], report: Callable[[str], None]
) -> Path:
    home = _home(root, project)
    home.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home))
    folder = Path(os.path.realpath(folder))
    kept_apart = _identity(root), _identity(root.parent)
    try:
        entries = _entries_as_they_are(folder, kept_apart)
        digest = _copy(folder, draft, entries, is_interrupted)
        if entries != _entries_as_they_are(folder, kept_apart):
            raise FolderChanges(f"files were added, changed or removed in {folder}")
        for path in entries:
            if _is_left_out(path, entries[path]):
                report(f"{path.relative_to(folder)} is no file, folder or link; it is left out of the copy")
        target = home / digest
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """Of a file or folder: another one after it was written to or replaced."""

    identity: tuple[int, int]
    mode: int
    bytes: int
    change_time: int

    @classmethod
    def of(cls, path: Path) -> "_State":
        found = path.lstat()
        is_folder = stat.S_ISDIR(found.st_mode)  # whose own time says nothing that its entries do not say
        return cls(
            identity=(found.st_dev, found.st_ino),
            mode=found.st_mode,
            bytes=0 if is_folder else found.st_size,
            change_time=0 if is_folder else found.st_mtime_ns,
        )


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _is_left_out(path: Path, state: _State) -> bool:
    return not any(is_kind(state.mode) for is_kind in (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK))


def _entries_as_they_are(folder: Path, kept_apart: tuple[tuple[int, int], ...]) -> dict[Path, _State]:
    """All that counts. Raises FolderChanges."""
    try:
        return dict(_entries(folder, folder, kept_apart))
    except FileNotFoundError as error:
        raise FolderChanges(f"{error.filename} was removed") from error


def _copy(folder: Path, draft: Path, entries: dict[Path, _State], is_interrupted: Callable[[], bool]) -> str:
    """Copy what counts; returns the digest of the copy. Raises FolderChanges."""
    digest = hashlib.sha256()
    for path, state in entries.items():
        if is_interrupted():
            raise Interrupted
        if _is_left_out(path, state):
            continue
        try:
            _copy_entry(path, folder, draft, digest, is_interrupted)
        except FileNotFoundError as error:
            raise FolderChanges(f"{path} was removed") from error
    return digest.hexdigest()[:32]


def _copy_entry(
    path: Path, folder: Path, draft: Path, digest: "hashlib._Hash", is_interrupted: Callable[[], bool]
) -> None:
    name = path.relative_to(folder)
    target = draft / name
    if path == folder / _LINKED:
        target.symlink_to(path)
        kind, content = "link", os.fsencode(path)
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


def _copy_file(path: Path, target: Path, is_interrupted: Callable[[], bool]) -> bytes:
    """Piece by piece, its mode included; returns the digest of its content."""
    digest = hashlib.sha256()
    # Not waited for, if somebody has put a pipe in its place.
    source_number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    with os.fdopen(source_number, "rb") as source, target.open("xb") as copy:
        while piece := source.read(_PIECE_BYTES):
            if is_interrupted():
                raise Interrupted
            copy.write(piece)
            digest.update(piece)
    shutil.copymode(path, target)
    return digest.digest()


def _entries(folder: Path, top: Path, kept_apart: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, _State]]:
    """Folders before what is in them, always in the same order."""
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT:
            continue
        state = _State.of(path)
        is_folder = stat.S_ISDIR(state.mode)
        if is_folder and (state.identity in kept_apart or path.name == _STACKS):
            continue
        yield path, state
        if is_folder and path != top / _LINKED:
            yield from _entries(path, top, kept_apart)


def _link(path: Path, folder: Path) -> str:
    """What the copy of a link says: the same where that leads to a place in the copy, else where it leads from here.

    A virtual environment at the top is not in the copy.
    """
    text = os.readlink(path)
    if not os.path.isabs(text) and _stays_within(path.parent.relative_to(folder), text):
        return text
    leads_to = os.path.realpath(path.parent / text)  # of a circle some point of it
    if not Path(leads_to).is_relative_to(folder) or Path(leads_to).is_relative_to(folder / _LINKED):
        return leads_to
    return os.path.relpath(leads_to, path.parent)


def _stays_within(place: Path, text: str) -> bool:
    """Whether a relative link never leaves the folder that `place` is relative to, nor leads into what is linked."""
    parts: list[str] = list(place.parts)
    for part in Path(text).parts:
        if part != "..":
            parts.append(part)
        elif not parts:
            return False
        else:
            parts.pop()
    return parts[:1] != [_LINKED]
