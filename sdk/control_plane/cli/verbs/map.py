"""`control-plane map`: a function called with every line of a file."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.exits import ExitCode
from control_plane.cli.following import tell_of_connection
from control_plane.cli.last_made import remember_made
from control_plane.cli.lookup import explained, find_version, function_of
from control_plane.cli.mapping.inputs import InputLines
from control_plane.cli.mapping.output_file import OutputFile, Work
from control_plane.cli.mapping.progress_bar import ProgressBar, in_short
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.references import Reference, parse_called
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.streams import is_unread, loss
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.cli.verbs.submit_options import (
    ConcurrencyKey,
    ConcurrencyLimit,
    Delay,
    Priority,
    Tag,
    WebhookUrl,
    options_from,
)
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import BatchInfo
from control_plane.protocol.api import SubmitFields
from control_plane.protocol.mapping import Submitted, submit_all
from control_plane.protocol.paths import batch_path
from control_plane.protocol.results import Result, batch_results
from control_plane.protocol.states import SUCCEEDED

# A result as a line; its batch; its position there; its outcome.
Write = Callable[[bytes, Submitted, Result], None]


def map_(
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    function: Annotated[str | None, typer.Argument(metavar="FUNCTION", show_default=False)] = None,
    inputs: Annotated[
        str | None, typer.Argument(metavar="@FILE|-", help="Each line is an input, as JSON.", show_default=False)
    ] = None,
    *,
    follows: Annotated[bool, typer.Option("--follow", "-f", help="Until all have ended; results to stdout.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Like --follow, with the results in a file.")
    ] = None,
    tags: Tag = None,
    delay: Delay = None,
    priority: Priority = None,
    concurrency_key: ConcurrencyKey = None,
    concurrency_limit: ConcurrencyLimit = None,
    webhook: WebhookUrl = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Call a function of a project's newest version, or of PROJECT@VERSION, once for each line of a file.

    All are checked before one is sent. Results are JSON, one on a line, in the order in which they end: `index` is the
    input that they are of, from 0; empty lines are none. With --output, the same command again goes on where this one
    was stopped, by Ctrl-C or in whatever way: no call is made twice, and no result is lost or written twice. The exit
    code is 0 if all have succeeded, else 1. Without --follow and --output, it prints the batches' ids.
    """
    called, next_word = parse_called(project, function, verb="map")
    source = inputs if next_word is None else next_word
    if source is None or (next_word is not None and inputs is not None):
        raise WrongUsage("name one source of inputs: @FILE, whose lines are inputs, or - for stdin")
    options = options_from(
        tags=tags,
        delay=delay,
        priority=priority,
        concurrency_key=concurrency_key,
        concurrency_limit=concurrency_limit,
        webhook=webhook,
    )
    run(_map(called, source, options.fields(), follows=follows, output=output, api_url=api_url, as_json=as_json))


async def _map(
    called: Reference,
    source: str,
    options: SubmitFields,
    *,
    follows: bool,
    output: Path | None,
    api_url: str | None,
    as_json: bool,
) -> ExitCode | None:
    async with connect(api_url) as connection:
        with await asyncio.to_thread(InputLines, source) as lines:
            async with explained(connection, called):
                function = function_of(await find_version(connection, called), called.function)
            size = await asyncio.to_thread(
                lines.check,
                is_command=function.command is not None,
                signature=function.signature,
                function=function.function_name,
            )
            if output is not None:
                work = Work(project=called.project, function=str(called), inputs=lines.digest)
                with OutputFile(output, work) as file:
                    return await _into_file(connection, called, lines, options, file, size=size, as_json=as_json)
            submitted = await _submit(connection, called, lines, options, run_id=secrets.token_hex(16))
        return await _to_stdout(connection, submitted, size=size, follows=follows, as_json=as_json)


async def _submit(
    connection: AsyncConnection, called: Reference, lines: InputLines, options: SubmitFields, *, run_id: str
) -> list[Submitted]:
    """Where the run has begun already, what was submitted then."""
    count = 0

    def next_key(_inputs: object) -> str:
        nonlocal count
        count += 1
        return f"map-{run_id}-{count}"

    made: list[str] = []

    def remember(batch: BatchInfo) -> None:
        """At once, as the next one may be interrupted: `cancel -` stops what there is."""
        made.append(batch.batch_id)
        remember_made(made, api_url=connection.server.api_url)

    return await connection.run(
        submit_all(connection.api, called.function_path, lines, key_of=next_key, options=options, report=remember)
    )


async def _into_file(
    connection: AsyncConnection,
    called: Reference,
    lines: InputLines,
    options: SubmitFields,
    file: OutputFile,
    *,
    size: int,
    as_json: bool,
) -> ExitCode:
    def write(line: bytes, submitted: Submitted, result: Result) -> None:
        batch_id = submitted.batch.batch_id
        file.write(line, batch_id=batch_id, position=result.position, outcome=str(result.outcome))

    try:
        submitted = await _submit(connection, called, lines, options, run_id=file.run)
        with ProgressBar(size, file.outcomes) as bar:
            await _collect(connection, submitted, file.positions, write, bar)
    except asyncio.CancelledError:
        note("The calls go on. The same command again goes on collecting their results.")
        raise
    file.finish()
    return _summed_up(submitted, file.outcomes, as_json=as_json)


async def _to_stdout(
    connection: AsyncConnection, submitted: list[Submitted], *, size: int, follows: bool, as_json: bool
) -> ExitCode | None:
    if not follows:
        _show_start(submitted, as_json=as_json)
        return None
    outcomes: Counter[str] = Counter()

    def write(line: bytes, _submitted: Submitted, result: Result) -> None:
        print_line(line.decode())
        outcomes[str(result.outcome)] += 1

    try:
        with ProgressBar(size, outcomes) as bar:
            await _collect(connection, submitted, {}, write, bar)
    except asyncio.CancelledError:
        note("The calls go on.")
        for each in submitted:
            note(f"Stop them: control-plane cancel {each.batch.batch_id}")
        raise
    return _summed_up(submitted, outcomes, as_json=False)


async def _collect(
    connection: AsyncConnection,
    submitted: list[Submitted],
    positions: dict[str, int],
    write: Write,
    bar: ProgressBar,
) -> None:
    for each in submitted:
        stream = batch_results(
            connection.api.peer,
            batch_path(each.batch.document),
            size=each.batch.size,
            after=positions.get(each.batch.batch_id, 0),
            report=tell_of_connection,
        )
        async with aclosing(connection.iterate(stream)) as results:
            async for result in results:
                write(_line(result, each), each, result)
                bar.show()
                if is_unread() or loss() is not None:
                    return


def _line(result: Result, submitted: Submitted) -> bytes:
    fields = result._asdict()
    index = submitted.first + fields.pop("place")
    del fields["output_error"]  # nobody has asked for it
    return json.dumps({"index": index, "batch_id": submitted.batch.batch_id, **fields}, ensure_ascii=False).encode()


def _show_start(submitted: list[Submitted], *, as_json: bool) -> None:
    if as_json:
        print_json({"batches": [each.batch.document for each in submitted]})
        return
    for each in submitted:
        print_line(each.batch.batch_id)
    note(f"See what becomes of it: control-plane describe {submitted[0].batch.batch_id}")


def _summed_up(submitted: list[Submitted], outcomes: Counter[str], *, as_json: bool) -> ExitCode:
    note(f"{outcomes.total():,} results: {in_short(outcomes)}")
    if as_json:
        batches = [each.batch.batch_id for each in submitted]
        print_json({"batch_ids": batches, "size": outcomes.total(), "counts": dict(outcomes)})
    return ExitCode.OK if outcomes.total() == outcomes[SUCCEEDED] else ExitCode.FAILED
