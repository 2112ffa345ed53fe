"""Copies this package into a folder of its own, so that containers can import it and nothing that is installed beside
it."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from control_plane.deployment.runtime_source import PACKAGE, runtime_files

PROGRAM = Path(PACKAGE.name, "__main__.py")  # in such a copy


def runtime_path(data_dir: Path) -> Path:
    """A folder for PYTHONPATH that holds the package as it is installed now; made if it is not there.

    Named after a digest of its content: containers of another release keep theirs. Raises OSError.
    """
    content = {file: (PACKAGE / file).read_bytes() for file in runtime_files()}
    digest = hashlib.sha256(b"\0".join(part for file, text in content.items() for part in (bytes(file), text)))
    target = data_dir / f"runtime-{digest.hexdigest()[:16]}"
    if target.is_dir():
        return target
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="runtime-draft-", dir=data_dir))
    for file, text in content.items():
        copy = draft / PACKAGE.name / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(text)
    try:
        os.rename(draft, target)
    except OSError:  # somebody else was quicker
        shutil.rmtree(draft)
        if not target.is_dir():
            raise
    return target
