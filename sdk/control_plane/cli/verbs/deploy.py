"""`control-plane deploy`: a folder's functions as a new version of a project."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from control_plane.access.resolution import find_server
from control_plane.cli.client.client import Client
from control_plane.cli.client.references import ensure_addressable
from control_plane.cli.exits import CommandFailed, WrongUsage
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.running import run
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.deployment.builds import build_image
from control_plane.deployment.declarations import declared_functions
from control_plane.deployment.definitions import declare
from control_plane.deployment.folders import runs_folders, snapshot_image, snapshot_root
from control_plane.deployment.preparation import wait_until_ready


def deploy(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Holds main.py.")] = Path(),
    *,
    project: Annotated[str | None, typer.Option(help="Default: the folder's name.")] = None,
    image: Annotated[str | None, typer.Option(metavar="REF", help="A pushed image to run.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Build the folder's Dockerfile, and push it.")] = False,
    read_timeout: Annotated[float, typer.Option(min=1, help="Seconds that reading main.py may take.")] = 25,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Declare the functions of DIR/main.py as a project's newest version, and wait until they are ready.

    The project is made if need be. On a stack of this machine, a copy of the folder is what runs.
    """
    folder = _absolute(folder)
    run(
        _deploy(
            folder,
            project=_name_of(folder) if project is None else project,
            image=image,
            build=build,
            read_timeout=timedelta(seconds=read_timeout),
            api_url=api_url,
            as_json=as_json,
        )
    )


async def _deploy(
    folder: Path,
    *,
    project: str,
    image: str | None,
    build: bool,
    read_timeout: timedelta,
    api_url: str | None,
    as_json: bool,
) -> None:
    if image is not None and build:
        raise WrongUsage("--image and --build exclude each other")
    ensure_addressable(project)
    async with Client(find_server(api_url)) as client:
        root = await snapshot_root(client) if image is None and not build else None
        if build and await runs_folders(client):
            raise WrongUsage("this stack runs folders, not images; leave --build away")
        functions = await declared_functions(folder, within=read_timeout)
        await client.ensure_project(project)
        if build:
            image = await build_image(client, folder, project=project)
        elif root is not None:
            image = await snapshot_image(folder, root, project=project)
        version = await declare(client, project, {"default_docker_image": image, "functions": functions})
        note(f"{project}: {version.version_id} is declared, its functions are being prepared")
        version = await wait_until_ready(client, version, note)
    if as_json:
        print_json(version.document())
        return
    print_line(f"{project}@{version.version_id}")
    note(f"Call it: control-plane invoke {project} {version.functions[0].function_name} --follow")


def _name_of(folder: Path) -> str:
    if not folder.name:
        raise WrongUsage("the folder has no name; name the project with --project")
    return folder.name


def _absolute(folder: Path) -> Path:
    try:
        return Path(os.path.realpath(folder))
    except FileNotFoundError as error:
        raise CommandFailed("the folder that this was called in is gone; go to another one") from error
