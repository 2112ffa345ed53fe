"""The program that runs commands, as an archive that is unpacked in a container before it starts.

Not a mount, which would need the files on the engine's machine: `loop` may itself be a container.
"""

import io
import tarfile
from functools import cache

from provisioners.runtime_source import RUNTIME_PATH, runtime_files


@cache
def runtime_archive() -> bytes:
    """A tar archive that holds the package `runtime` under RUNTIME_PATH. Raises Misconfigured."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in runtime_files():
            content = file.read_bytes()
            member = tarfile.TarInfo(f"{RUNTIME_PATH}/runtime/{file.name}".removeprefix("/"))
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
