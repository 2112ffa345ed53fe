"""Images of functions, as a user's Dockerfile would make them."""

import io
import tarfile
from pathlib import Path

from aiodocker import Docker

from provisioners.runtime_source import runtime_files

BASE = "python:3.13-slim"
_DOCKERFILE = f"""\
FROM {BASE}
WORKDIR /app
COPY . /app
CMD ["python3", "-m", "runtime"]
"""


async def build_image(docker: Docker, name: str, folder: Path) -> None:
    """Of a folder with a main.py, and the runtime beside it."""
    await docker.images.build(fileobj=_context(folder), encoding="identity", tag=name)


def _context(folder: Path) -> io.BytesIO:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for file in folder.glob("*.py"):
            archive.add(file, file.name)
        for file in runtime_files():
            archive.add(file, f"runtime/{file.name}")
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(_DOCKERFILE)
        archive.addfile(member, io.BytesIO(_DOCKERFILE.encode()))
    context.seek(0)
    return context
