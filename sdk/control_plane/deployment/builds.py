"""Builds a folder's Dockerfile with the docker command, and pushes the image where the control plane pulls from."""

import asyncio
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from control_plane.cli.client.answers import RepositoryCredentials
from control_plane.cli.client.client import Client
from control_plane.cli.client.errors import Refused
from control_plane.cli.exits import CommandFailed
from control_plane.cli.output import note

_NOT_CONFIGURED = 501
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]+")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


async def build_image(client: Client, folder: Path, *, project: str) -> str:
    """The image's name for the control plane. Without a registry it stays on the engine that built it.

    Raises CommandFailed.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise CommandFailed("the program `docker` is missing; install it, or name an image that is pushed with --image")
    if not (folder / "Dockerfile").is_file():
        raise CommandFailed(f"there is no Dockerfile in {folder}; write one, or name an image with --image")
    credentials = await _credentials(client)
    image_id = await _build(docker, folder)
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
    note(f"Pushing {name} …")
    await _run(docker, "push", "--quiet", name)
    return name


async def _credentials(client: Client) -> RepositoryCredentials | None:
    """None where the control plane has no registry."""
    try:
        return await client.repository_credentials()
    except Refused as error:
        if error.status != _NOT_CONFIGURED:
            raise
        return None


async def _build(docker: str, folder: Path) -> str:
    """The image's short identifier: the same for the same content. Shows its progress on stderr."""
    with tempfile.TemporaryDirectory() as drafts:
        identifier = Path(drafts) / "image"
        process = await asyncio.create_subprocess_exec(
            *(docker, "build", "--iidfile", str(identifier), str(folder)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        await _end(process)
        if process.returncode != 0:
            raise CommandFailed(f"docker build of {folder} failed with exit code {process.returncode}; see above")
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
        raise CommandFailed(f"docker {words[0]} failed: {reason}")


async def _end(process: asyncio.subprocess.Process, stdin: str = "") -> str:
    """What it said, once it has ended; it ends with us."""
    try:
        said, _ = await process.communicate(stdin.encode() if process.stdin is not None else None)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return said.decode(errors="replace") if said else ""
