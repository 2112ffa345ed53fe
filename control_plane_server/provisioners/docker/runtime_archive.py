"""The program that runs commands, as an archive that is unpacked in a container before it starts.

Not a mount, which would need the files on the engine's machine: `loop` may itself be a container.
"""

import io
import tarfile
from functools import cache

from control_plane.deployment.runtime_source import PACKAGE, runtime_files

from control_plane_server.provisioners.runtime_location import RUNTIME_PATH


@cache
def runtime_archive() -> bytes:
    """A tar archive that holds the package `control_plane` under RUNTIME_PATH."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in runtime_files():
            content = (PACKAGE / file).read_bytes()
            member = tarfile.TarInfo(f"{RUNTIME_PATH}/{PACKAGE.name}/{file}".removeprefix("/"))
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
