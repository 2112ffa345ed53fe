"""Images of functions, as a user's Dockerfile would make them."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from aiodocker import Docker
from control_plane.deployment.runtime_source import PACKAGE, runtime_files

BASE = "python:3.13-slim"
_DOCKERFILE = f"""\
FROM {BASE}
WORKDIR /app
COPY . /app
CMD ["python3", "-m", "control_plane"]
"""


async def build_image(docker: Docker, name: str, folder: Path, *, has_runtime: bool = True) -> None:
    """Of a folder, with the runtime beside its main.py if it has one."""
    files = {file.name: file.read_bytes() for file in folder.glob("*.*")}  # noqa: ASYNC240
    if has_runtime:
        files |= {f"{PACKAGE.name}/{file}": (PACKAGE / file).read_bytes() for file in runtime_files()}
    await _build(docker, name, files | {"Dockerfile": _DOCKERFILE.encode()})


async def build_empty_image(docker: Docker, name: str, *, program: str) -> str:
    """One that names a program which is not in it. Returns its identifier."""
    await _build(docker, name, {"Dockerfile": f"FROM scratch\nCMD {json.dumps([program])}\n".encode()})
    return str((await docker.images.inspect(name))["Id"])


async def _build(docker: Docker, name: str, files: Mapping[str, bytes]) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    context.seek(0)
    await docker.images.build(fileobj=context, encoding="identity", tag=name)
