"""`control-plane failures`: what has failed, alike ones together."""

import time
from collections.abc import Sequence
from dataclasses import replace
from shlex import quote
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.default_project import default_project
from control_plane.cli.durations import age
from control_plane.cli.invocation_rows import short_id
from control_plane.cli.lookup import explained, find_version, function_of
from control_plane.cli.moments import HELP
from control_plane.cli.output import local_time, note, print_json, print_table, terminal_width
from control_plane.cli.references import Reference, names_version, parse
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import in_words, styled
from control_plane.cli.tables import Cell, Column
from control_plane.cli.verbs.filters import Until, seconds
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.protocol.answers import FailureGroup

# Of one answer of the API.
_MOST_COUNTED = 10_000
_MOST_KINDS = 200
_COLUMNS = (
    Column(name="COUNT"),
    Column(name="FUNCTION", narrowest=8, comfortable=24),
    Column(name="OUTCOME", rank=2),
    Column(name="AGE", rank=3),
    Column(name="CREATED", rank=5),
    Column(name="FIRST CREATED", rank=7),
    Column(name="NEWEST"),
    Column(name="ERROR", rank=1, narrowest=16, comfortable=40),
)


def failures(
    what: Annotated[str | None, typer.Argument(metavar="[PROJECT[/FUNCTION]]")] = None,
    *,
    since: Annotated[str, typer.Option(metavar="WHEN", help=f"Created since then: {HELP}.")] = "24h",
    until: Until = None,
    function: Annotated[str | None, typer.Option(help="Of this function.")] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Show what failed, timed out or was aborted in a project: alike ones together, the newest first, each with the
    newest invocation of its kind, to be described.

    All times are those at which invocations were created: what was created before --since and failed after it is not
    among them. Of more than 10,000 failures, or 200 kinds, the newest are shown, which is said.
    """
    reference = None if what is None else parse(what, parts=2)
    if reference is not None and what is not None and names_version(what):
        project = quote(reference.project)
        raise WrongUsage(
            "failures are of all versions together; those of one: "
            f"control-plane list {project} --failed --version {reference.version or 'ver-…'}"
        )
    if reference is not None and function is not None and reference.function not in (None, function):
        raise WrongUsage(f"{what!r} and --function {function} name two functions; name one")
    span = seconds(since), seconds(until)
    run(_failures(reference, span, function=function, api_url=api_url, as_json=as_json))


async def _failures(
    reference: Reference | None,
    span: tuple[int | None, int | None],
    *,
    function: str | None,
    api_url: str | None,
    as_json: bool,
) -> None:
    async with connect(api_url) as connection:
        reference = reference or await default_project(connection)
        if reference is None:
            raise WrongUsage("name the project: control-plane failures PROJECT")
        reference = replace(reference, function=reference.function or function)
        query = {"function_name": reference.function, "since": span[0], "until": span[1]}
        async with explained(connection, reference):
            answer = await connection.run(connection.api.failures(reference.project, query))
            if not answer.failures and reference.function is not None:  # more likely a mistake than one of the past
                function_of(await find_version(connection, reference), reference.function)
    if as_json:
        print_json(answer.document)
    else:
        print_table(_COLUMNS, [_row(group) for group in answer.failures])
    if not answer.failures:
        note(f"Nothing has failed in {reference} of what was created since {local_time(span[0])}.")
    cut = _cut([group.count for group in answer.failures])
    if cut is not None:
        note(cut)


def _cut(counts: Sequence[int]) -> str | None:
    """What is to be said where there may be more than the server tells of."""
    if sum(counts) < _MOST_COUNTED and len(counts) < _MOST_KINDS:
        return None
    of = f"{sum(counts):,} failures of {len(counts):,} kinds"
    return f"The newest {of}; there may be more: narrow --since, --until, --function."


def _row(group: FailureGroup) -> tuple[Cell | str, ...]:
    return (
        f"{group.count:,}",
        group.function_name,
        styled(in_words(group.outcome)),
        age(time.time() - group.last_time),
        local_time(group.last_time),
        local_time(group.first_time) if group.count > 1 else "",
        short_id(group.newest_invocation_id, is_short=terminal_width() is not None),
        group.example_message if group.count == 1 and group.example_message else group.error_message or "",
    )
