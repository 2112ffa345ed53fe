"""The project that is meant where none is named."""

from pathlib import Path

from control_plane.access.choices import chosen
from control_plane.cli.lookup import NOT_FOUND
from control_plane.cli.output import note
from control_plane.cli.references import Reference
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused


async def default_project(connection: AsyncConnection) -> Reference | None:
    """What control-plane use has chosen; else the project that the current folder was deployed as, if it is one."""
    project = chosen().project
    if project is not None:
        return Reference(project=project)
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        return None
    if not (here / "main.py").is_file():
        return None
    try:
        await connection.run(connection.api.project(here.name))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return None
    note(f"Project {here.name}, as this folder is called; all of them: control-plane list --projects")
    return Reference(project=here.name)
