"""`control-plane undeploy`: the end of a project."""

import asyncio
import sys
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import NOT_FOUND, explained
from control_plane.cli.output import note, print_json
from control_plane.cli.questions import confirm
from control_plane.cli.references import Reference, parse_project
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.folders import forget_snapshots
from control_plane.errors import Refused
from control_plane.protocol.answers import Project

_LOOK_EVERY = 0.3


def undeploy(
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Cancel whatever of a project runs, delete it with all its versions, invocations and results, and wait for that.

    Asks first on a terminal.
    """
    name = parse_project(project)
    question = f"Delete project {name} with all its invocations and results?"
    if not yes and sys.stdin.isatty() and not confirm(question):
        raise typer.Abort
    run(_undeploy(name, api_url=api_url, as_json=as_json))


async def _undeploy(name: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        async with explained(connection, Reference(project=name)):
            project = await connection.run(connection.api.delete_project(name))
        note(f"Deleting {name}; what runs is told to stop …")
        await _wait_until_gone(connection, project)
        await forget_snapshots(connection, project=name)
    note(f"{name} is gone.")
    if as_json:
        print_json(project.document)


async def _wait_until_gone(connection: AsyncConnection, project: Project) -> None:
    """A project of the same name that is made meanwhile is another one."""
    while True:
        try:
            found = await connection.run(connection.api.project(project.project_name))
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            return
        if found.deletion_request_time is None:
            raise CannotBeDone(f"{project.project_name} was deleted, and somebody has made it again")
        await asyncio.sleep(_LOOK_EVERY)
