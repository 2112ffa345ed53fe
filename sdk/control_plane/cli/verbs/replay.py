"""`control-plane replay`: invocations that have ended once more, by their ids or all that are so."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.exits import ExitCode
from control_plane.cli.invocation_rows import print_invocations
from control_plane.cli.last_made import remember_made
from control_plane.cli.lookup import explained, find_invocation, meant
from control_plane.cli.narrowing import Filters, placed
from control_plane.cli.output import fail, note, print_json, print_text
from control_plane.cli.questions import confirm
from control_plane.cli.references import LAST, Reference, is_batch, is_invocation_id, parse, parse_invocation
from control_plane.cli.running import result_of, run
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
    tags_of,
)
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.client.listing import ProjectInvocation
from control_plane.errors import Refused
from control_plane.protocol.paths import Query, invocation_path, project_path

_SHOWN = 10  # of those that would be replayed
_MOST = 10_000
_SLASHES_OF_INVOCATION = 2


def replay(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INVOCATION…|PROJECT[/FUNCTION]",
            help="Invocations, each by its id; or what the options narrow, which say of what of a project.",
        ),
    ] = None,
    *,
    failed: Failed = False,
    outcome: Outcomes = None,
    since: Since = None,
    until: Until = None,
    tag: Tags = None,
    concurrency_key: ConcurrencyKey = None,
    function: OfFunction = None,
    parent: Parent = None,
    version: OfVersion = None,
    batch: OfBatch = None,
    in_version: Annotated[
        str | None,
        typer.Option(metavar="latest|ver-…", help="Run them in this version, not in the one that each ran in."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be replayed, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Run invocations that have ended once more, with the same input, tags and priority: each by its id, or all of a
    project that the options name, 10,000 at most, as a batch.

    Of a project it says how many those are, and asks; what is replayed twice runs twice. Prints the new ids.
    """
    names = what or []
    filters: Filters = {
        "outcome": [*outcomes_of(outcome or ()), *(FAILED if failed else ())] or None,
        "since": seconds(since),
        "until": seconds(until),
        "function_name": function,
        "version_id": version,
        "batch_id": batch,
        "tag": tags_of(tag or ()),
        "concurrency_key": concurrency_key,
    }
    is_narrowed = parent is not None or any(value is not None for value in filters.values())
    if any(map(_is_invocation, names)):
        if is_narrowed or dry_run:
            raise WrongUsage("ids say which invocations are meant; --failed, --since, --dry-run … are for a project")
        run(_replay_each(names, in_version=in_version, api_url=api_url, as_json=as_json))
        return
    if len(names) > 1:
        raise WrongUsage(f"one project at a time: {', '.join(names)}")
    if not is_narrowed:
        raise WrongUsage("say what is to run once more: invocations by their ids, or --failed, --since 12h, …")
    reference = parse(names[0], parts=2) if names else None
    found = result_of(_look(reference, filters, parent=parent, api_url=api_url))
    if dry_run:
        _show(found, as_json=as_json)
        return
    if not yes:
        _ensure_wanted(found)
    run(_replay_all(found, in_version=in_version, api_url=api_url, as_json=as_json))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """`newest`: the first of them. `counts`: of all, by outcome."""

    reference: Reference
    query: Query
    newest: Sequence[ProjectInvocation]
    counts: Mapping[str, int]

    def __str__(self) -> str:
        how = ", ".join(f"{count:,} {outcome}" for outcome, count in in_order(self.counts))
        return f"{sum(self.counts.values()):,} of {self.reference} ({how})"


def _is_invocation(name: str) -> bool:
    return name == LAST or is_invocation_id(name) or name.count("/") == _SLASHES_OF_INVOCATION


async def _replay_each(names: Sequence[str], *, in_version: str | None, api_url: str | None, as_json: bool) -> ExitCode:
    """All that can be; says of each other why it cannot."""
    references = [parse_invocation(name) for name in names]
    made = []
    async with connect(api_url) as connection:
        for reference in references:
            try:
                made.append(await _replay_one(connection, reference, in_version=in_version))
            except CannotBeDone as error:
                fail(str(error))
        if made:
            remember_made([one["invocation_id"] for one in made[-1:]], api_url=connection.server.api_url)
    if as_json:
        print_json({"invocations": made})
    else:
        for one in made:
            print_text(one["invocation_id"])
    return ExitCode.OK if len(made) == len(references) else ExitCode.FAILED


async def _replay_one(
    connection: AsyncConnection, reference: Reference | str, *, in_version: str | None
) -> dict[str, Any]:
    """Raises CannotBeDone."""
    if isinstance(reference, str):
        reference = meant(connection, reference)
        if is_batch(reference):
            raise CannotBeDone(f"{reference} is a batch: control-plane replay --batch {reference}")
    found = await find_invocation(connection, reference)
    path = invocation_path(found.document)
    try:
        made = await connection.run(connection.api.replay(path, in_version=in_version))
    except Refused as error:
        raise CannotBeDone(f"{found.invocation_id} cannot be replayed: {error.detail}") from error
    return made.document


async def _look(reference: Reference | None, filters: Filters, *, parent: str | None, api_url: str | None) -> _Found:
    """Raises CannotBeDone if nothing is like that, or too much."""
    async with connect(api_url) as connection:
        place = await placed(connection, reference, filters, parent=parent)
        if place is None:
            raise WrongUsage("name the project: control-plane replay PROJECT --failed")
        query: Query = {**filters, "status": "TERMINATED"}
        async with explained(connection, place):
            path = project_path(place.project) + "/invocations"
            page = await connection.run(connection.api.get(path, {**query, "max_results": _SHOWN}))
            counts = await connection.run(connection.api.counts(place.project, query))
    found = _Found(
        reference=place, query=query, newest=[ProjectInvocation(one) for one in page["invocations"]], counts=counts
    )
    if not found.newest:
        raise CannotBeDone(f"nothing of {place} that has ended is like that")
    if sum(counts.values()) > _MOST:
        raise CannotBeDone(f"{found} are more than {_MOST:,}: narrow them, as by --since and --until")
    return found


def _show(found: _Found, *, as_json: bool) -> None:
    total = sum(found.counts.values())
    if as_json:
        print_json({"invocations": [one.document for one in found.newest], "counts": found.counts, "total": total})
        return
    print_invocations(found.newest)
    newest = f"; the {len(found.newest)} newest are shown" if total > len(found.newest) else ""
    note(f"Would be replayed: {found}{newest}.")


def _ensure_wanted(found: _Found) -> None:
    """Raises typer.Abort, WrongUsage."""
    if not sys.stdin.isatty():
        raise WrongUsage(f"this replays {found}: say --yes if that is wanted, or --dry-run to see them")
    if not confirm(f"Replay {found}?"):
        raise typer.Abort


async def _replay_all(found: _Found, *, in_version: str | None, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        try:
            batch = await connection.run(
                connection.api.replay_all(found.reference.project, found.query, in_version=in_version)
            )
        except Refused as error:
            raise CannotBeDone(f"{found.reference} cannot be replayed: {error.detail}") from error
        remember_made([batch.batch_id], api_url=connection.server.api_url)
    note(f"Replaying {batch.size:,}; how they are: control-plane describe {batch.batch_id}")
    if as_json:
        print_json(batch.document)
    else:
        print_text(batch.batch_id)
