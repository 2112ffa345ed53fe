"""Empty files that name the containers which may run: whoever looks for those need not read the folders of all that
ever ran."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from control_plane_server.provisioners.process.container_folders import ContainerFolder, containers_root, marks_root


def mark(data_dir: Path, folder: ContainerFolder) -> None:
    """Before the container is started: so none runs unmarked."""
    _ensure_root(data_dir)
    folder.mark.touch()


def marked_folders(data_dir: Path) -> Iterator[ContainerFolder]:
    """Those that may run. Marks of containers that have ended are removed: a supervisor may have been killed."""
    if not containers_root(data_dir).is_dir():
        return
    _ensure_root(data_dir)
    for name in os.listdir(marks_root(data_dir)):
        folder = ContainerFolder(containers_root(data_dir) / name)
        if folder.has_ended() or folder.is_withdrawn():
            folder.mark.unlink(missing_ok=True)
        else:
            yield folder


def _ensure_root(data_dir: Path) -> None:
    """Containers that an earlier release started have no marks: they are looked for once. The folder appears whole."""
    root = marks_root(data_dir)
    if root.is_dir():
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="running-draft-", dir=data_dir))
    with suppress(FileNotFoundError):
        for name in os.listdir(containers_root(data_dir)):
            folder = ContainerFolder(containers_root(data_dir) / name)
            if folder.supervisor() is not None and not folder.has_ended():
                (draft / name).touch()
    try:
        os.rename(draft, root)
    except OSError:  # somebody else was quicker
        shutil.rmtree(draft)
        if not root.is_dir():
            raise
