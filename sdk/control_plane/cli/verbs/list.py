"""`control-plane list`, which is also called `search`: invocations of a project, or of one of its functions; or
projects."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.invocation_rows import print_invocations
from control_plane.cli.lookup import explained, find_version, function_of
from control_plane.cli.narrowing import Filters, placed
from control_plane.cli.output import local_time, note, print_json, print_table
from control_plane.cli.references import Reference, is_batch, parse
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import in_order
from control_plane.cli.verbs.filters import (
    FAILED,
    ConcurrencyKey,
    Failed,
    OfBatch,
    OfFunction,
    OfVersion,
    Outcomes,
    Parent,
    Since,
    Tags,
    Until,
    outcomes_of,
    seconds,
    status_of,
    tags_of,
)
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.client.listing import ProjectInvocation
from control_plane.errors import Refused
from control_plane.protocol.answers import Project
from control_plane.protocol.paths import Query, project_path

_MOST_ON_A_PAGE = 200
_NAME_THE_PROJECT = (
    "of which project? control-plane list PROJECT; control-plane use --project NAME chooses one for all verbs. "
    "Projects themselves are not narrowed"
)


def list_(
    what: Annotated[str | None, typer.Argument(metavar="[PROJECT[/FUNCTION]]")] = None,
    *,
    failed: Failed = False,
    status: Annotated[str | None, typer.Option(help="`running` (or queued still), `ended`, or an outcome.")] = None,
    outcome: Outcomes = None,
    since: Since = None,
    until: Until = None,
    tag: Tags = None,
    concurrency_key: ConcurrencyKey = None,
    function: OfFunction = None,
    parent: Parent = None,
    version: OfVersion = None,
    batch: OfBatch = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    projects: Annotated[bool, typer.Option("--projects", help="List projects.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List a project's invocations, of all its functions and versions, newest first.

    Without a project, that of control-plane use, or of the current folder; where there is none, projects are listed.
    On a terminal, columns are left out until the others fit, and ids are shortened, as all verbs take them; elsewhere,
    and with --json, each line is whole. --json says how many match (`total`), and where more begin (`next_offset`).
    """
    reference = None if what is None or projects else parse(what, parts=2)
    if batch is not None and not is_batch(batch):
        raise WrongUsage(f"{batch!r} is no batch's id, which looks like bat-… with 32 digits")
    if reference is not None and function is not None and reference.function not in (None, function):
        raise WrongUsage(f"{what!r} and --function {function} name two functions; name one")
    known_status, outcomes = status_of(status)
    query: Filters = {
        "status": known_status,
        "outcome": [*outcomes, *outcomes_of(outcome or ()), *(FAILED if failed else ())] or None,
        "since": seconds(since),
        "until": seconds(until),
        "function_name": function,
        "version_id": version,
        "batch_id": batch,
        "tag": tags_of(tag or ()),
        "concurrency_key": concurrency_key,
    }
    run(_list(reference, query, parent=parent, limit=limit, wants_projects=projects, api_url=api_url, as_json=as_json))


async def _list(
    reference: Reference | None,
    narrowed: Filters,
    *,
    parent: str | None,
    limit: int,
    wants_projects: bool,
    api_url: str | None,
    as_json: bool,
) -> None:
    async with connect(api_url) as connection:
        reference = await placed(connection, reference, narrowed, parent=parent, takes_default=not wants_projects)
        if reference is None:
            if any(value is not None for value in narrowed.values()):
                raise WrongUsage(_NAME_THE_PROJECT)
            await _list_projects(connection, as_json=as_json)
            return
        async with explained(connection, reference):
            await _list_invocations(connection, reference, narrowed, limit=limit, as_json=as_json)


async def _list_projects(connection: AsyncConnection, *, as_json: bool) -> None:
    answer = await connection.run(connection.api.projects())
    if as_json:
        print_json(answer.document)
        return
    rows = ((project.project_name, local_time(project.creation_time), _remark(project)) for project in answer.projects)
    print_table(("PROJECT", "CREATED", ""), rows)


def _remark(project: Project) -> str:
    if project.deletion_request_time:
        return "being deleted"
    return "paused" if project.document.get("paused_since") else ""


async def _list_invocations(
    connection: AsyncConnection, reference: Reference, query: Query, *, limit: int, as_json: bool
) -> None:
    shown, next_offset = await _newest(connection, reference, query, limit=limit)
    if not shown and reference.function is not None:
        await _ensure_function(connection, reference)
    counts = None if next_offset is None else await _counts(connection, reference, query)
    if as_json:
        total = len(shown) if next_offset is None else None if counts is None else sum(counts.values())
        documents = [invocation.document for invocation in shown]
        print_json({"invocations": documents, "next_offset": next_offset, "total": total})
    else:
        print_invocations(shown)
    if not shown:
        note(f"None of {reference} is like that." if any(query.values()) else f"{reference} has no invocation yet.")
    elif next_offset is not None:
        _tell_of_the_rest(counts, limit=limit)


async def _newest(
    connection: AsyncConnection, reference: Reference, query: Query, *, limit: int
) -> tuple[list[ProjectInvocation], str | None]:
    """At most so many, and the offset of what comes after them; None if nothing does."""
    path = project_path(reference.project) + "/invocations"
    found: list[ProjectInvocation] = []
    offset: str | None = None
    while True:
        most = min(limit - len(found), _MOST_ON_A_PAGE)
        page = await connection.run(connection.api.get(path, {**query, "max_results": most, "initial_offset": offset}))
        found.extend(map(ProjectInvocation, page["invocations"]))
        if page["next_offset"] in (None, offset):
            return found, None
        offset = str(page["next_offset"])
        if len(found) >= limit:
            return found, offset


async def _ensure_function(connection: AsyncConnection, reference: Reference) -> None:
    """Raises Refused if the version has none of this name: it is more likely a mistake than one of the past."""
    function_of(await find_version(connection, reference), reference.function)


async def _counts(connection: AsyncConnection, reference: Reference, query: Query) -> Mapping[str, int] | None:
    """By state; None if a release before this one answers, which does not count."""
    with suppress(Refused):
        return await connection.run(connection.api.counts(reference.project, query))
    return None


def _tell_of_the_rest(counts: Mapping[str, int] | None, *, limit: int) -> None:
    how = ", ".join(f"{count:,} {state}" for state, count in in_order(counts or {}))
    of = f" of {sum(counts.values()):,} ({how})" if counts else ""
    note(f"The {limit:,} newest{of}; --limit shows more.")
