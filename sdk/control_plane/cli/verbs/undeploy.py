"""`control-plane undeploy`: the end of a project."""

import asyncio
import sys
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.lookup import NOT_FOUND, explained
from control_plane.cli.output import note, print_json
from control_plane.cli.questions import confirm
from control_plane.cli.references import Reference, parse_whole_project
from control_plane.cli.running import result_of, run
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
    images: Annotated[
        bool, typer.Option("--images", help="Remove its images from the registry, too: those that --build pushed.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Cancel whatever of a project runs, delete it with all its versions, invocations and results, and wait for that.

    Says how much runs and asks first; where nobody can be asked, it does nothing without --yes.
    """
    name = parse_whole_project(project, verb="undeploy")
    if not yes:
        _ensure_wanted(name, result_of(_unfinished(name, api_url=api_url)))
    run(_undeploy(name, images=images, api_url=api_url, as_json=as_json))


async def _unfinished(name: str, *, api_url: str | None) -> int | None:
    """How many of its invocations have not ended; None if the server is of an earlier release, which does not say."""
    async with connect(api_url) as connection, explained(connection, Reference(project=name)):
        await connection.run(connection.api.project(name))
        try:
            return sum((await connection.run(connection.api.counts(name, {"status": "RUNNING"}))).values())
        except Refused as error:
            if error.status != NOT_FOUND or error.code == "ProjectDoesNotExist":
                raise
            return None


def _ensure_wanted(name: str, unfinished: int | None) -> None:
    """Raises typer.Abort, WrongUsage."""
    running = "" if unfinished is None else f" ({unfinished:,} have not ended)"
    what = f"project {name} with all its invocations{running} and results"
    if not sys.stdin.isatty():
        raise WrongUsage(f"this deletes {what}: say --yes if that is wanted")
    if not confirm(f"Delete {what}?"):
        raise typer.Abort


async def _undeploy(name: str, *, images: bool, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        project = await _deleted(connection, name, may_be_gone=images)
        if images:
            removed = await connection.run(connection.api.delete_project_images(name))
            note(f"Images removed from the registry: {removed}.")
    if as_json:
        print_json({} if project is None else project.document)


async def _deleted(connection: AsyncConnection, name: str, *, may_be_gone: bool) -> Project | None:
    """None if there was none any more, as after an earlier run that was interrupted."""
    try:
        async with explained(connection, Reference(project=name)):
            project = await connection.run(connection.api.delete_project(name))
    except CannotBeDone as error:
        if not may_be_gone:
            raise
        note(str(error))
        return None
    note(f"Deleting {name}; what runs is told to stop …")
    await _wait_until_gone(connection, project)
    await forget_snapshots(connection, project=name)
    note(f"{name} is gone.")
    return project


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
