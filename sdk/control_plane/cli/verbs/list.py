"""`control-plane list`: invocations of a project, or of one of its functions; or projects."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from control_plane.cli.default_project import default_project
from control_plane.cli.invocation_rows import print_invocations
from control_plane.cli.lookup import explained, find_invocation, find_version, function_of, meant
from control_plane.cli.output import local_time, note, print_json, print_table
from control_plane.cli.references import Reference, parse, parse_invocation
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import in_order
from control_plane.cli.verbs.filters import FAILED, Since, Until, outcomes_of, seconds, status_of
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.client.listing import ProjectInvocation
from control_plane.errors import Refused
from control_plane.protocol.paths import Query, project_path

_MOST_ON_A_PAGE = 200


def list_(
    what: Annotated[str | None, typer.Argument(metavar="[PROJECT[/FUNCTION]]")] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="What failed, timed out or was aborted.")] = False,
    status: Annotated[str | None, typer.Option(help="`running`, `ended`, or an outcome.")] = None,
    outcome: Annotated[
        list[str] | None, typer.Option(help="`succeeded`, `failed`, `cancelled`, `timed_out`, `aborted`; repeatable.")
    ] = None,
    since: Since = None,
    until: Until = None,
    function: Annotated[str | None, typer.Option(help="Of this function.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="INVOCATION", help="Started by this one.")] = None,
    version: Annotated[str | None, typer.Option(metavar="ver-…", help="Of this version.")] = None,
    batch: Annotated[str | None, typer.Option(metavar="bat-…", help="Of this batch.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    projects: Annotated[bool, typer.Option("--projects", help="List projects.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List a project's invocations, of all its functions and versions, newest first.

    Without a project, that of control-plane use, or of the current folder; where there is none, projects are listed.
    On a terminal, columns are left out until the others fit, and ids are shortened, as all verbs take them; elsewhere,
    and with --json, everything is whole.
    """
    reference = None if what is None or projects else parse(what, parts=2)
    known_status, outcomes = status_of(status)
    query: dict[str, str | float | Sequence[str] | None] = {
        "status": known_status,
        "outcome": [*outcomes, *outcomes_of(outcome or ()), *(FAILED if failed else ())] or None,
        "since": seconds(since),
        "until": seconds(until),
        "function_name": function,
        "version_id": version,
        "batch_id": batch,
    }
    run(_list(reference, query, parent=parent, limit=limit, wants_projects=projects, api_url=api_url, as_json=as_json))


async def _list(
    reference: Reference | None,
    narrowed: dict[str, str | float | Sequence[str] | None],
    *,
    parent: str | None,
    limit: int,
    wants_projects: bool,
    api_url: str | None,
    as_json: bool,
) -> None:
    async with connect(api_url) as connection:
        if parent is not None:
            found = await find_invocation(connection, parse_invocation(meant(connection, parent)))
            narrowed["parent_invocation_id"] = found.invocation_id
            reference = reference or Reference(project=found.project_name)
        if reference is None and not wants_projects:
            reference = await default_project(connection)
        if reference is None:
            await _list_projects(connection, as_json=as_json)
            return
        if reference.function is not None:
            narrowed["function_name"] = reference.function
        if reference.version is not None:
            narrowed["version_id"] = reference.version
        async with explained(connection, reference):
            await _list_invocations(connection, reference, narrowed, limit=limit, as_json=as_json)


async def _list_projects(connection: AsyncConnection, *, as_json: bool) -> None:
    answer = await connection.run(connection.api.projects())
    if as_json:
        print_json(answer.document)
        return
    rows = (
        (project.project_name, local_time(project.creation_time), "being deleted" * bool(project.deletion_request_time))
        for project in answer.projects
    )
    print_table(("PROJECT", "CREATED", ""), rows)


async def _list_invocations(
    connection: AsyncConnection, reference: Reference, query: Query, *, limit: int, as_json: bool
) -> None:
    path = project_path(reference.project) + "/invocations"
    found = []
    stream = connection.iterate(
        connection.api.pages(path, "invocations", {**query, "max_results": min(limit + 1, _MOST_ON_A_PAGE)})
    )
    async for document in stream:
        found.append(ProjectInvocation(document))
        if len(found) > limit:
            break
    await stream.aclose()
    if not found and query["function_name"] is not None:
        await _ensure_function(connection, reference, str(query["function_name"]))
    shown = found[:limit]
    if as_json:
        print_json({"invocations": [invocation.document for invocation in shown]})
        return
    print_invocations(shown)
    if not shown:
        note(f"None of {reference} is like that." if any(query.values()) else f"{reference} has no invocation yet.")
    elif len(found) > limit:
        await _tell_of_the_rest(connection, reference, query, limit=limit)


async def _ensure_function(connection: AsyncConnection, reference: Reference, function: str) -> None:
    """Raises Refused if the newest version has none of this name: it is more likely a mistake than one of the past."""
    function_of(await find_version(connection, reference), function)


async def _tell_of_the_rest(connection: AsyncConnection, reference: Reference, query: Query, *, limit: int) -> None:
    counts = {}
    with suppress(Refused):  # a release before does not count
        counts = await connection.run(connection.api.counts(reference.project, query))
    how = ", ".join(f"{count:,} {state}" for state, count in in_order(counts))
    of = f" of {sum(counts.values()):,} ({how})" if counts else ""
    note(f"The {limit:,} newest{of}; --limit shows more.")
