"""`control-plane versions` and `rollback`: what a project was, and is to be again."""

import time
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone
from control_plane.cli.durations import age
from control_plane.cli.lookup import explained
from control_plane.cli.output import local_time, note, print_json, print_line, print_table
from control_plane.cli.references import Reference, parse_project
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.tables import Column
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.definitions import declare, definition_again
from control_plane.deployment.preparation import wait_until_ready
from control_plane.protocol.answers import ListedVersion

_COLUMNS = (
    Column(name="VERSION"),
    Column(name="STATUS"),
    Column(name=""),
    Column(name="AGE", rank=1),
    Column(name="CREATED", rank=2),
)
_STATUSES = {"PENDING": "being prepared", "READY": "ready", "REFUSED": "refused"}


def versions(
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List a project's versions, newest first. New invocations are of the latest: the newest one not refused."""
    run(_versions(Reference(project=parse_project(project)), api_url=api_url, as_json=as_json))


def rollback(
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    version: Annotated[str | None, typer.Argument(help="Default: the one before the latest.")] = None,
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Declare what an older version declared once more, as the newest version, and wait until it is ready.

    Nothing is lost: the version that was the latest stays, and another rollback goes back to it.
    """
    run(_rollback(Reference(project=parse_project(project), version=version), api_url=api_url, as_json=as_json))


async def _versions(reference: Reference, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection, explained(connection, reference):
        answer = await connection.run(connection.api.versions(reference.project))
    if as_json:
        print_json(answer.document)
        return
    rows = (
        (
            version.version_id,
            _STATUSES.get(version.status or "", ""),
            _mark(version),
            age(time.time() - version.creation_time),
            local_time(version.creation_time),
        )
        for version in answer.versions
    )
    print_table(_COLUMNS, rows)


def _mark(version: ListedVersion) -> str:
    return "latest" if version.is_latest else ""


async def _rollback(reference: Reference, *, api_url: str | None, as_json: bool) -> None:
    project = reference.project
    async with connect(api_url) as connection, explained(connection, reference):
        old = await connection.run(
            connection.api.version(project, reference.version or await _one_before_latest(connection, project))
        )
        version = await declare(connection, project, definition_again(old))
        note(f"{project}: {version.version_id} is declared as {old.version_id} was, its functions are being prepared")
        version = await wait_until_ready(connection, version, note)
    if as_json:
        print_json(version.document)
        return
    print_line(f"{project}@{version.version_id}")


async def _one_before_latest(connection: AsyncConnection, project: str) -> str:
    found = (await connection.run(connection.api.versions(project))).versions
    latest = next((number for number, version in enumerate(found) if version.is_latest), 0)
    older = [version.version_id for version in found[latest + 1 :] if version.status != "REFUSED"]
    if not older:
        raise CannotBeDone(f"project {project!r} has no version before its latest; nothing was changed")
    return older[0]
