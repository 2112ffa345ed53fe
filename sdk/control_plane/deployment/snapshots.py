"""Copies of folders that stay as they are: what a version of a local stack runs, whatever becomes of the folder."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path

from control_plane.deployment.ignoring import OURS, Ignored
from control_plane.deployment.image_folders import DRAFT, remove
from control_plane.deployment.notable_files import in_short, warnings
from control_plane.deployment.reports import Report, ignore
from control_plane.protocol.paths import escaped

# By their names: what tools make anew, and a stack's data, its key among them.
LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".control-plane"}
)
_PIECE_BYTES = 1024 * 1024
_LINKED = ".venv"  # at the top: large, and bound to its place
_MOST_COPIES = 3
_NO_NOTES: Mapping[str, str] = {}
_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


# Of each path in a folder what a change of it would change, the mode first.
_State = dict[Path, tuple[int, ...]]


class Interrupted(Exception):
    """Somebody wants the copying to end."""


class FolderChanges(Exception):
    """It is written to all the while, so that no copy is one of any moment. The text names a path in it."""


def take_snapshot(
    folder: Path,
    root: Path,
    *,
    project: str,
    notes: Mapping[str, str] = _NO_NOTES,
    is_interrupted: Callable[[], bool] = lambda: False,
    report: Report = ignore,
) -> Path:
    """A copy of the folder below `root`, named after its content; made if it is not there. Raises OSError.

    `notes`: files at the top of the copy, by name, in place of those that the folder has.

    A virtual environment at its top is linked, not copied. Links that lead out of the folder go on leading there, those
    that lead into it lead into the copy. FIFOs, sockets and devices are left out, and `report` gets a line for each;
    so is the stack's data, of which `root` is part, if it lies in the folder, and what the folder's ignore files name,
    which is told in a line, as are files that look as if they should be named there. Raises Interrupted, nothing left
    behind, once `is_interrupted`: it is asked again and again; FolderChanges if the folder does not keep still for as
    long as it takes; CannotBeDone for an ignore file that is none.
    """
    home = _home(root, project)
    home.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    for _ in range(_MOST_COPIES):
        left_out = _LeftOut(folder, {root.resolve(), root.parent.resolve()})
        before = _state(folder, left_out)
        for line in (*_unusual(before), *left_out.lines(), *warnings(_sizes(folder, before))):
            report(line)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=home))
        try:
            digest: str | None = None
            with suppress(FileNotFoundError):  # it was removed meanwhile
                digest = _copy(folder, draft, before, notes=notes, left_out=left_out, is_interrupted=is_interrupted)
            after = _state(folder, left_out)
            if digest is not None and before == after:
                return _keep(draft, home / digest)
            report = ignore
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    changed = [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]
    raise FolderChanges(str(min(changed, default=folder).relative_to(folder)))


class _LeftOut:
    """What of a folder is no part of its copies. `paths`: what else is none."""

    def __init__(self, folder: Path, paths: Set[Path]) -> None:
        self._folder = folder
        self._paths = paths
        self._ignored = Ignored(folder)
        self._named: dict[str, None] = {}

    def holds(self, path: Path) -> bool:
        """Of folders that are left out, what is in them is not asked for."""
        if path.name in LEFT_OUT or path in self._paths:
            return True
        is_folder = path.is_dir() and not path.is_symlink()
        if path == self._folder / _LINKED or not self._ignored.holds(path, is_folder=is_folder):
            return False
        self._named[f"{path.relative_to(self._folder)}{'/' * is_folder}"] = None
        return True

    def has_no_copy(self, path: Path) -> bool:
        """Whether a link that leads there within the folder would lead nowhere in the copy."""
        within = path.relative_to(self._folder).parts
        return within[:1] == (_LINKED,) or bool(LEFT_OUT.intersection(within)) or self._ignored.covers(path)

    def lines(self) -> Iterator[str]:
        if self._named:
            instead = "" if self._ignored.file_name == OURS else f" ({OURS} counts instead)"
            yield f"left out, as {self._ignored.file_name} says{instead}: {in_short(self._named)}"


def _sizes(folder: Path, state: _State) -> dict[Path, int]:
    """Of the files, in bytes, by their paths in the folder."""
    return {path.relative_to(folder): rest[1] for path, (mode, *rest) in state.items() if stat.S_ISREG(mode)}


def _keep(draft: Path, target: Path) -> Path:
    draft.chmod(0o755)
    try:
        os.rename(draft, target)
    except OSError:  # it is there already
        if not target.is_dir():
            raise
        os.utime(target)  # by its time it is old, and might be removed before it is declared
    return target


def remove_snapshots(root: Path, *, project: str) -> None:
    """All at once."""
    remove(_home(root, project), root=root)


def _home(root: Path, project: str) -> Path:
    """A folder for the project, whatever its name."""
    return root / escaped(project).replace(".", "%2E")


def _state(folder: Path, left_out: _LeftOut) -> _State:
    state: _State = {}
    for path in _entries(folder, left_out):
        with suppress(FileNotFoundError):  # removed meanwhile: another state has it
            found = path.lstat()
            # A folder's own times change with what is left out of it, too.
            of_file = () if stat.S_ISDIR(found.st_mode) else (found.st_size, found.st_mtime_ns)
            state[path] = (found.st_mode, found.st_ino, *of_file)
    return state


def _unusual(state: _State) -> Iterator[str]:
    for path, (mode, *_) in state.items():
        kind = _KINDS.get(stat.S_IFMT(mode))
        if kind is not None:
            yield f"{path} is {kind}, and left out"


def _copy(
    folder: Path,
    draft: Path,
    state: _State,
    *,
    notes: Mapping[str, str],
    left_out: _LeftOut,
    is_interrupted: Callable[[], bool],
) -> str:
    """Copy what counts, and write the notes; returns the digest of the copy."""
    digest = hashlib.sha256()
    for note, text in notes.items():
        (draft / note).write_text(text)
        _add(digest, "note", Path(note), text.encode())
    for path, (mode, *_) in state.items():
        if is_interrupted():
            raise Interrupted
        name = path.relative_to(folder)
        if str(name) in notes:
            continue
        target = draft / name
        if path == folder / _LINKED:
            target.symlink_to(path)
            kind, content = "link", str(path).encode()
        elif stat.S_ISLNK(mode):
            leads_to = _link(path, folder, left_out)
            target.symlink_to(leads_to)
            kind, content = "link", os.fsencode(leads_to)
        elif stat.S_ISDIR(mode):
            target.mkdir()
            kind, content = "folder", b""
        elif stat.S_ISREG(mode):
            content = _copy_file(path, target, is_interrupted)
            kind = "program" if os.access(target, os.X_OK) else "file"
        else:
            continue
        _add(digest, kind, name, content)
    return digest.hexdigest()[:32]


def _add(digest: "hashlib._Hash", kind: str, name: Path, content: bytes) -> None:
    for part in (kind.encode(), os.fsencode(name), content):
        digest.update(b"%d:%b" % (len(part), part))


def _copy_file(path: Path, target: Path, is_interrupted: Callable[[], bool]) -> bytes:
    """Piece by piece, its mode included; returns the digest of its content."""
    digest = hashlib.sha256()
    with open(path, "rb", opener=_open_without_waiting) as source, target.open("xb") as copy:
        while piece := source.read(_PIECE_BYTES):
            if is_interrupted():
                raise Interrupted
            copy.write(piece)
            digest.update(piece)
    shutil.copymode(path, target)
    return digest.digest()


def _open_without_waiting(path: str, flags: int) -> int:
    """It may have become a FIFO meanwhile."""
    return os.open(path, flags | os.O_NONBLOCK)


def _entries(folder: Path, left_out: _LeftOut) -> Iterator[Path]:
    """Folders before what is in them, always in the same order."""
    for path in sorted(folder.iterdir()):
        if left_out.holds(path):
            continue
        yield path
        if path.name != _LINKED and path.is_dir() and not path.is_symlink():
            yield from _entries(path, left_out)


def _link(path: Path, folder: Path, left_out: _LeftOut) -> str:
    """What the copy of a link says: where it leads within the copy, or out of it. It may lead nowhere, or in a
    circle."""
    leads_to = Path(os.path.realpath(path))
    if not leads_to.is_relative_to(folder):
        return str(leads_to)
    if left_out.has_no_copy(leads_to):
        return str(leads_to)
    return os.path.relpath(leads_to, path.parent)
