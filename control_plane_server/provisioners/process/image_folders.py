"""What the process provisioner does with its folder of snapshots: `control_plane.deployment.image_folders`."""

import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from control_plane.deployment.image_folders import DRAFT, IDENTITY, identity_of

from control_plane_server.domain.containers import ImageFolder

_DRAFT_SECONDS = 86_400.0


def image_root(data_dir: Path) -> Path:
    return data_dir / "images"


def identified(root: Path) -> ImageFolder:
    """The folder, made and marked with an identity of its own if it has none. Raises OSError."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (found := identity_of(root)) is None:
        _mark(root)
        found = identity_of(root)
    return ImageFolder(path=str(root), identity=found or "")


def _mark(root: Path) -> None:
    """The file appears whole, and the first one stays."""
    handle, draft = tempfile.mkstemp(prefix=f"{IDENTITY}-", dir=root)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(16))
        with suppress(FileExistsError):
            os.link(draft, root / IDENTITY)
    finally:
        os.unlink(draft)


def note_use(image: Path, data_dir: Path) -> None:
    """A snapshot of ours that is launched again is not old; what else is an image is left as it is."""
    if image.parent.parent == image_root(data_dir):
        with suppress(OSError):
            os.utime(image)


def snapshots(project: Path) -> list[Path]:
    """Of a project's folder, those used last first. Drafts are not among them; those of copies that were killed, more
    than a day ago, are removed."""
    found: list[tuple[float, Path]] = []
    for path in project.iterdir():
        with suppress(FileNotFoundError):
            last_use = path.stat().st_mtime
            if not path.name.startswith(DRAFT):
                found.append((last_use, path))
            elif time.time() - last_use > _DRAFT_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
    return [path for _, path in sorted(found, reverse=True)]
