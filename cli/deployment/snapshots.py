"""Copies of folders that stay as they are: what a version of a local stack runs, whatever becomes of the folder."""

import hashlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from cli.client.references import escaped
from cli.deployment.contents import LINKED, EntryState, FolderContent, differences, is_left_out

_REMOVED = ".removed-"  # no project's folder begins with a dot
_PIECE_BYTES = 1024 * 1024


class Interrupted(Exception):
    """Somebody wants the copying to end."""


class FolderChanged(Exception):
    """The text names what has changed while it was copied, relative to the folder."""


def take_snapshot(
    folder: Path,
    root: Path,
    *,
    project: str,
    is_interrupted: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """A copy of the folder below `root`, named after its content; made if it is not there.

    A virtual environment at its top is linked, not copied. Links within the folder lead to the copy of what they lead
    to, and links that lead out of it go on leading there. Sockets and the like are left out, and `tell` hears of each;
    of the stack's own data, of which `root` is part, nothing is copied. Raises OSError, FolderChanged; raises
    Interrupted, nothing left behind, once `is_interrupted`: it is asked again and again.
    """
    folder = folder.resolve()
    home = _home(root, project)
    home.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=home))
    try:
        source = FolderContent(folder, without=(root.resolve(), root.parent.resolve()))
        before = source.state()
        for name, state in before.items():
            if state.is_special:
                tell(f"{name} is left out: it is no file, folder or link")
        names = [name for name, state in before.items() if not state.is_special]
        try:
            target = home / _copy(folder, names, draft, is_interrupted)
        except OSError:
            _check_that_nothing_changed(before, source)  # or that is the reason
            raise
        _check_that_nothing_changed(before, source)
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


def _copy(folder: Path, names: Iterable[Path], draft: Path, is_interrupted: Callable[[], bool]) -> str:
    """Copy what counts; returns the digest of the copy."""
    digest = hashlib.sha256()
    for name in names:
        if is_interrupted():
            raise Interrupted
        path, target = folder / name, draft / name
        if name == LINKED:
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
    return digest.hexdigest()[:32]


def _check_that_nothing_changed(before: Mapping[Path, EntryState], source: FolderContent) -> None:
    if changed := differences(before, source.state()):
        raise FolderChanged(str(changed[0]))


def _copy_file(path: Path, target: Path, is_interrupted: Callable[[], bool]) -> bytes:
    """Piece by piece, its mode included; returns the digest of its content."""
    digest = hashlib.sha256()
    with open(path, "rb", opener=_open_without_waiting) as source, target.open("xb") as copy:
        while piece := source.read(_PIECE_BYTES):
            if is_interrupted():
                raise Interrupted
            copy.write(piece)
            digest.update(piece)
        os.fchmod(copy.fileno(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
    return digest.digest()


def _open_without_waiting(path: str, flags: int) -> int:
    """It may have become a FIFO meanwhile."""
    return os.open(path, flags | os.O_NONBLOCK)


def _link(path: Path, folder: Path) -> str:
    """What the copy of a link says: where it leads to, from the copy if that is copied. A circle stays one."""
    leads_to = Path(os.path.realpath(path))
    if leads_to.is_relative_to(folder) and not any(map(is_left_out, leads_to.relative_to(folder).parts)):
        return os.path.relpath(leads_to, path.parent)
    return str(leads_to)
