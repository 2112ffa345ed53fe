"""`control-plane invoke`: one call of a function, and, if asked for, its end."""

from shlex import quote
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.exits import ExitCode
from control_plane.cli.last_made import remember_made
from control_plane.cli.local_invocation import run_locally
from control_plane.cli.lookup import explained, find_version
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.references import Reference, parse_called, reference_of
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.verbs.inputs import input_of, json_problem, large_file_of
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
from control_plane.cli.verbs.watching import watch_events, watch_outcome
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.api import SubmitFields
from control_plane.protocol.sources import Source


def invoke(
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    function: Annotated[str | None, typer.Argument(metavar="FUNCTION", show_default=False)] = None,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[INPUT|-|@FILE|NAME=VALUE...]", show_default=False)
    ] = None,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until the outcome is known, and print the result.")] = False,
    follows: Annotated[bool, typer.Option("--follow", "-f", help="Like --wait, and show what happens.")] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Here, without a server: PROJECT is a folder, or FOLDER:MODULE.")
    ] = False,
    key: Annotated[str | None, typer.Option(help="Repeated with the same key, it is the same invocation.")] = None,
    tags: Tag = None,
    delay: Delay = None,
    priority: Priority = None,
    concurrency_key: ConcurrencyKey = None,
    concurrency_limit: ConcurrencyLimit = None,
    webhook: WebhookUrl = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Call a function of a project's newest version, or of PROJECT@VERSION, and print what the invocation is called.
    PROJECT/FUNCTION in one word is the same.

    INPUT is JSON: an object is keyword arguments, an array positional ones; none calls without arguments. A function
    that is a command takes any text; a @FILE may have 5 GiB. With --wait or --follow, stdout gets the result instead,
    and the exit code tells the outcome: 0 succeeded, 1 failed, 3 timed out, 4 cancelled. Ctrl-C leaves the invocation
    running.

    With --local, the function runs in the folder's own Python, with its timeout, on this terminal, so that a debugger
    works; those that it calls run in the same process.
    """
    options = options_from(
        tags=tags,
        delay=delay,
        priority=priority,
        concurrency_key=concurrency_key,
        concurrency_limit=concurrency_limit,
        webhook=webhook,
    )
    if local:
        if wait or follows or key is not None or options.fields() or api_url is not None or as_json:
            raise WrongUsage("--local waits and prints the result by itself; leave the other options away")
        if function is None:
            raise WrongUsage("name the folder and the function: control-plane invoke --local FOLDER FUNCTION")
        run_locally(project, function, input_of(words or ()))
    called, next_word = parse_called(project, function, verb="invoke")
    given = [*([] if next_word is None else [next_word]), *(words or ())]
    text = large_file_of(given) or input_of(given)
    fields = options.fields()
    run(_invoke(called, text, fields, wait=wait, follows=follows, key=key, api_url=api_url, as_json=as_json))


async def _invoke(
    called: Reference,
    text: str | Source,
    options: SubmitFields,
    *,
    wait: bool,
    follows: bool,
    key: str | None,
    api_url: str | None,
    as_json: bool,
) -> ExitCode | None:
    async with connect(api_url) as connection:
        async with explained(connection, called):
            if isinstance(text, str):
                await _check_input(connection, called, text)
            submit = connection.api.submit(called.function_path, text, idempotency_key=key, options=options)
            invocation = await connection.run(submit)
        remember_made([invocation.invocation_id], api_url=connection.server.api_url)
        if not (wait or follows):
            _show_start(invocation, as_json=as_json)
            return None
        note(f"{reference_of(invocation)}")
        if follows:
            return await watch_events(connection, invocation, as_json=as_json)
        return await watch_outcome(connection, invocation, as_json=as_json)


async def _check_input(connection: AsyncConnection, called: Reference, text: str) -> None:
    """A call that is bound to fail is not made. Only a command can do something with what is no JSON."""
    problem = json_problem(text)
    if problem is None:
        return
    version = await find_version(connection, called)
    function = next((found for found in version.functions if found.function_name == called.function), None)
    if function is not None and function.command is None:
        raise WrongUsage(
            f"the input is no JSON ({problem}); "
            """write '{"name": "Ada"}', or name=Ada; a text alone needs double quotes within single ones: '"Ada"'"""
        )


def _show_start(invocation: InvocationInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(invocation.document)
        return
    reference = reference_of(invocation)
    print_line(str(reference))
    note(f"See what becomes of it: control-plane describe {quote(str(reference))}")
