"""Builds a folder's Dockerfile with the docker command, and pushes the image where the control plane pulls from."""

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from control_plane.access.errors import CannotBeDone
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.built_images import ensure_legal, platform_for, tag_of
from control_plane.deployment.reports import Report
from control_plane.entry_modules import MAIN, VARIABLE
from control_plane.errors import Refused
from control_plane.protocol.answers import RepositoryCredentials

_NOT_CONFIGURED = 501
# Of a registry whose tags do not move.
_IS_THERE_FOR_GOOD = re.compile(r"already exists .*immutable")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


async def build_image(
    connection: AsyncConnection,
    folder: Path,
    *,
    project: str,
    module: str,
    functions: Sequence[Mapping[str, Any]],
    report: Report,
) -> str:
    """The image's name for the control plane. Without a registry it stays on the engine that built it. `functions`:
    that are to run it, as FunctionSpecs.

    Raises CannotBeDone.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise CannotBeDone("the program `docker` is missing; install it, or name an image that is pushed with --image")
    if not (folder / "Dockerfile").is_file():
        raise CannotBeDone(f"there is no Dockerfile in {folder}; write one, or name an image with --image")
    credentials = await _credentials(connection)
    platform = platform_for(functions, None if credentials is None else credentials.platform)
    image_id = await _build(docker, str(folder), platform, what=str(folder))
    if module != MAIN:
        image_id = await _build(
            docker, "-", platform, what=f"what names {module}", dockerfile=f"FROM {image_id}\nENV {VARIABLE}={module}\n"
        )
    if credentials is None:
        name = f"control-plane-{_NOT_IN_A_NAME.sub('-', project.lower()).strip('-') or 'functions'}:{image_id}"
        await _run(docker, "tag", image_id, name)
        return name
    host = urlsplit(credentials.endpoint_url).netloc or credentials.endpoint_url
    name = f"{host}/{credentials.repository_name}:{tag_of(project, image_id)}"
    ensure_legal(name)
    await _run(
        docker, "login", "--username", credentials.username, "--password-stdin", host, stdin=credentials.password
    )
    await _run(docker, "tag", image_id, name)
    report(f"Pushing {name} …")
    try:
        await _run(docker, "push", "--quiet", name)
    except CannotBeDone as error:
        # The tag says what is in the image: under it there can be nothing else.
        if not _IS_THERE_FOR_GOOD.search(str(error)):
            raise
    return name


async def _credentials(connection: AsyncConnection) -> RepositoryCredentials | None:
    """None where the control plane has no registry."""
    try:
        return await connection.run(connection.api.repository_credentials())
    except Refused as error:
        if error.status != _NOT_CONFIGURED:
            raise
        return None


async def _build(docker: str, context: str, platform: str | None, *, what: str, dockerfile: str = "") -> str:
    """The image's short identifier: the same for the same content. Shows its progress on stderr.

    `context`: a folder, or `-` where the Dockerfile needs none. `platform`: None: this machine's.
    """
    options = [] if platform is None else ["--platform", platform]
    with tempfile.TemporaryDirectory() as drafts:
        identifier = Path(drafts) / "image"
        process = await asyncio.create_subprocess_exec(
            *(docker, "build", *options, "--iidfile", str(identifier), context),
            stdin=asyncio.subprocess.PIPE if dockerfile else asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        await _end(process, dockerfile)
        if process.returncode != 0:
            target = what if platform is None else f"{what} for {platform}"
            raise CannotBeDone(f"docker build of {target} failed with exit code {process.returncode}; see above")
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
