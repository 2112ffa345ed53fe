"""Copies the package `runtime` into a folder of its own, so that containers can import it and no other package of
ours."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from provisioners.runtime_source import runtime_files

PROGRAM = Path("runtime", "__main__.py")  # in such a copy


def runtime_path(data_dir: Path) -> Path:
    """A folder for PYTHONPATH that holds the package `runtime` as it is installed now; made if it is not there.

    Named after a digest of its content: containers of another release keep theirs. Raises Misconfigured, OSError.
    """
    files = runtime_files()
    digest = hashlib.sha256(b"\0".join(part for file in files for part in (file.name.encode(), file.read_bytes())))
    target = data_dir / f"runtime-{digest.hexdigest()[:16]}"
    if target.is_dir():
        return target
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="runtime-draft-", dir=data_dir))
    (draft / "runtime").mkdir()
    for file in files:
        shutil.copyfile(file, draft / "runtime" / file.name)
    try:
        os.rename(draft, target)
    except OSError:  # somebody else was quicker
        shutil.rmtree(draft)
        if not target.is_dir():
            raise
    return target
