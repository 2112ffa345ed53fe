"""Builds a folder's Dockerfile with the docker command, and pushes the image where the control plane pulls from."""

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from control_plane.access.errors import CannotBeDone
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.reports import Report
from control_plane.entry_modules import MAIN, VARIABLE
from control_plane.errors import Refused
from control_plane.protocol.answers import RepositoryCredentials

_NOT_CONFIGURED = 501
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


async def build_image(connection: AsyncConnection, folder: Path, *, project: str, module: str, report: Report) -> str:
    """The image's name for the control plane. Without a registry it stays on the engine that built it.

    Raises CannotBeDone.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise CannotBeDone("the program `docker` is missing; install it, or name an image that is pushed with --image")
    if not (folder / "Dockerfile").is_file():
        raise CannotBeDone(f"there is no Dockerfile in {folder}; write one, or name an image with --image")
    credentials = await _credentials(connection)
    image_id = await _build(docker, str(folder), what=str(folder))
    if module != MAIN:
        image_id = await _build(
            docker, "-", what=f"what names {module}", dockerfile=f"FROM {image_id}\nENV {VARIABLE}={module}\n"
        )
    if credentials is None:
        name = f"control-plane-{_NOT_IN_A_NAME.sub('-', project.lower()).strip('-') or 'functions'}:{image_id}"
        await _run(docker, "tag", image_id, name)
        return name
    host = urlsplit(credentials.endpoint_url).netloc or credentials.endpoint_url
    name = f"{host}/{credentials.repository_name}:{_NOT_IN_A_TAG.sub('-', project)}-{image_id}"
    await _run(
        docker, "login", "--username", credentials.username, "--password-stdin", host, stdin=credentials.password
    )
    await _run(docker, "tag", image_id, name)
    report(f"Pushing {name} …")
    await _run(docker, "push", "--quiet", name)
    return name


async def _credentials(connection: AsyncConnection) -> RepositoryCredentials | None:
    """None where the control plane has no registry."""
    try:
        return await connection.run(connection.api.repository_credentials())
    except Refused as error:
        if error.status != _NOT_CONFIGURED:
            raise
        return None


async def _build(docker: str, context: str, *, what: str, dockerfile: str = "") -> str:
    """The image's short identifier: the same for the same content. Shows its progress on stderr.

    `context`: a folder, or `-` where the Dockerfile needs none.
    """
    with tempfile.TemporaryDirectory() as drafts:
        identifier = Path(drafts) / "image"
        process = await asyncio.create_subprocess_exec(
            *(docker, "build", "--iidfile", str(identifier), context),
            stdin=asyncio.subprocess.PIPE if dockerfile else asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        await _end(process, dockerfile)
        if process.returncode != 0:
            raise CannotBeDone(f"docker build of {what} failed with exit code {process.returncode}; see above")
        return identifier.read_text().strip().removeprefix("sha256:")[:12]


async def _run(docker: str, *words: str, stdin: str = "") -> None:
    """Quiet, unless it fails."""
    process = await asyncio.create_subprocess_exec(
        *(docker, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = await _end(process, stdin)
    if process.returncode != 0:
        reason = (said.splitlines() or [f"exit code {process.returncode}"])[-1]
        raise CannotBeDone(f"docker {words[0]} failed: {reason}")


async def _end(process: asyncio.subprocess.Process, stdin: str = "") -> str:
    """What it said, once it has ended; it ends with us."""
    try:
        said, _ = await process.communicate(stdin.encode() if process.stdin is not None else None)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return said.decode(errors="replace") if said else ""
