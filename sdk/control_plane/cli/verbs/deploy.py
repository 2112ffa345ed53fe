"""`control-plane deploy`: a folder's functions as a new version of a project."""

from datetime import timedelta
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.deployment.deploying import Deployment, absolute
from control_plane.deployment.deploying import deploy as deploy_
from control_plane.deployment.env_files import read_env_file
from control_plane.entry_modules import MAIN


def deploy(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Holds main.py, or the module; or its file.")] = Path(),
    *,
    project: Annotated[str | None, typer.Option(help="Default: the folder's name.")] = None,
    image: Annotated[str | None, typer.Option(metavar="REF", help="A pushed image to run.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Build the folder's Dockerfile, and push it.")] = False,
    module: Annotated[
        str | None, typer.Option(help="Declares the functions; `images.jobs` is images/jobs.py. Default: `main`.")
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="NAME=value lines for the environment of all these functions; what they declare goes before. "
            "Everyone with the key may read them: for secrets there is control-plane secrets.",
        ),
    ] = None,
    read_timeout: Annotated[float, typer.Option(min=1, help="Seconds that reading the module may take.")] = 25,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Declare the functions of DIR's main.py as a project's newest version, and wait until they are ready.

    The project is made if need be. On a stack of this machine, a copy of the folder is what runs.
    """
    folder, module = _folder_and_module(absolute(folder), module)
    deployment = Deployment(
        project=_name_of(folder) if project is None else project,
        folder=folder,
        image=image,
        build=build,
        module=module,
        environment={} if env_file is None else read_env_file(env_file),
        read_timeout=timedelta(seconds=read_timeout),
    )
    run(_deploy(deployment, api_url=api_url, as_json=as_json))


async def _deploy(deployment: Deployment, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        version = await deploy_(connection, deployment, note)
    if as_json:
        print_json(version.document)
        return
    print_line(f"{version.project_name}@{version.version_id}")
    note(f"Call it: control-plane invoke {quote(version.project_name)} {version.functions[0].function_name} --follow")


def _folder_and_module(path: Path, module: str | None) -> tuple[Path, str]:
    """DIR/jobs.py is module jobs of DIR."""
    if path.suffix != ".py" or not path.is_file():
        return path, module or MAIN
    if module is not None:
        raise WrongUsage(f"{path.name} is a module already; name its folder, or leave --module away")
    return path.parent, path.stem


def _name_of(folder: Path) -> str:
    if not folder.name:
        raise WrongUsage("the folder has no name; name the project with --project")
    return folder.name
