"""A folder's functions as a new version of a project."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.builds import build_image
from control_plane.deployment.declarations import read_declarations
from control_plane.deployment.definitions import declare
from control_plane.deployment.env_files import with_environment
from control_plane.deployment.folders import runs_folders, snapshot_image, snapshot_root
from control_plane.deployment.preparation import wait_until_ready
from control_plane.deployment.reports import Report
from control_plane.entry_modules import MAIN, NOTE, note
from control_plane.protocol.answers import Version

_READ_OTHERWISE = (
    (re.compile(r".*@ver-.*|.*@latest", re.IGNORECASE | re.DOTALL), "a version of a project"),
    (re.compile(r"(inv|bat)-[0-9a-f]{6,32}"), "an id"),
    (re.compile(r"-.*", re.DOTALL), "an option"),
)
_MOST_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """`image`: a pushed one to run; `build`: make one of the folder's Dockerfile; without either, a copy of the folder
    is what runs, on a stack of this machine. `module`: declares the functions. `environment`: variables
    of all of them, beside those that they declare. `read_timeout`: for importing the module."""

    project: str
    folder: Path
    image: str | None = None
    build: bool = False
    module: str = MAIN
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_timeout: timedelta = timedelta(seconds=25)


class Unchanged(Exception):
    """The image is one that is deployed already."""


async def deploy(
    connection: AsyncConnection,
    deployment: Deployment,
    report: Report,
    *,
    is_deployed: Callable[[str], bool] = lambda image: False,
) -> Version:
    """The project's new version, its functions ready; the project is made with it if need be.

    `is_deployed` is asked once for the image before it is declared: if it is, Unchanged is raised.

    Raises CannotBeDone, WrongUsage, and the errors of `control_plane.errors`.
    """
    if deployment.image is not None and deployment.build:
        raise WrongUsage("--image and --build exclude each other")
    ensure_addressable(deployment.project)
    folder = absolute(deployment.folder)
    is_copied = deployment.image is None and not deployment.build
    root = await snapshot_root(connection) if is_copied else None
    if deployment.build and await runs_folders(connection):
        raise WrongUsage("this stack runs folders, not images; leave --build away")
    declared = await read_declarations(folder, module=deployment.module, within=deployment.read_timeout, report=report)
    image = deployment.image
    notes = {} if deployment.module == MAIN else {NOTE: note(deployment.module)}
    if deployment.build:
        image = await build_image(
            connection,
            folder,
            project=deployment.project,
            module=deployment.module,
            functions=declared.functions,
            report=report,
        )
    elif root is not None:
        image = await snapshot_image(
            folder, root, needed=declared.files, project=deployment.project, notes=notes, report=report
        )
    if image is not None and is_deployed(image):
        raise Unchanged
    functions = declared.functions
    if deployment.environment:
        functions = with_environment(functions, deployment.environment)
    definition = {"default_docker_image": image, "functions": functions}
    version = await declare(connection, deployment.project, definition, create_project=True)
    report(f"{deployment.project}: {version.version_id} is declared, its functions are being prepared")
    return await wait_until_ready(connection, version, report)


def ensure_addressable(project: str, *, hint: str = " with --project") -> None:
    """Raises WrongUsage for a new project's name that could not be named again: it would be read as that of a version
    of another one, as an id or an option, or lead elsewhere in a path. `hint`: where another is chosen."""
    if project in (".", "..") or "/" in project or project != project.strip() or not project:
        raise WrongUsage(f"{project!r} is no name for a project; choose another{hint}")
    odd = next((character for character in project if not character.isprintable()), None)
    if odd is not None:
        raise WrongUsage(f"{project!a} has a character that cannot be typed ({odd!a}); choose another{hint}")
    if len(project) > _MOST_CHARACTERS:
        raise WrongUsage(f"{project!r} is longer than {_MOST_CHARACTERS} characters; choose another name{hint}")
    for pattern, what in _READ_OTHERWISE:
        if pattern.fullmatch(project):
            raise WrongUsage(f"{project!r} would be read as {what}; choose another name{hint}")


def absolute(folder: Path) -> Path:
    """Raises CannotBeDone."""
    try:
        return Path(os.path.realpath(folder))
    except FileNotFoundError as error:
        raise CannotBeDone("the folder that this was called in is gone; go to another one") from error
