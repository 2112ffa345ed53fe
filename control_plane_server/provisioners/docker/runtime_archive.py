"""The program that runs commands and certificates, as an archive that is unpacked in a container before it starts.

Not a mount, which would need the files on the engine's machine: `loop` may itself be a container.
"""

import io
import ssl
import tarfile
from functools import cache
from pathlib import Path

from control_plane.deployment.runtime_source import PACKAGE, runtime_files

from control_plane_server.provisioners.runtime_location import RUNTIME_PATH

_OF_DEBIAN = "/etc/ssl/certs/ca-certificates.crt"
_CERTIFICATES = "ca-certificates.pem"  # beside the package, which lends them to images that have none


@cache
def runtime_archive() -> bytes:
    """A tar archive that holds the package `control_plane` and the authorities that are trusted here, under
    RUNTIME_PATH."""
    files = {f"{PACKAGE.name}/{file}": PACKAGE / file for file in runtime_files()}
    trusted = ssl.get_default_verify_paths().cafile or _OF_DEBIAN
    if Path(trusted).is_file():
        files[_CERTIFICATES] = Path(trusted)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in files.items():
            content = path.read_bytes()
            member = tarfile.TarInfo(f"{RUNTIME_PATH}/{name}".removeprefix("/"))
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
