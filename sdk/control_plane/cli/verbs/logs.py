"""`control-plane logs`: what an invocation's containers have written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import typer

from control_plane.access.resolution import find_server
from control_plane.cli.client.answers import Invocation
from control_plane.cli.client.client import Client
from control_plane.cli.client.events import follow
from control_plane.cli.client.lookup import find_invocation, path_of
from control_plane.cli.client.references import Reference, parse_invocation
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.running import run
from control_plane.cli.streams import is_unread, loss
from control_plane.cli.verbs.options import ApiUrl, Json


def logs(
    invocation: Annotated[str, typer.Argument(metavar="PROJECT/FUNCTION/INVOCATION")],
    *,
    follows: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the invocation has ended.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Print the log of every attempt, oldest first."""
    run(_logs(parse_invocation(invocation), follows=follows, api_url=api_url, as_json=as_json))


async def _logs(reference: Reference, *, follows: bool, api_url: str | None, as_json: bool) -> None:
    async with Client(find_server(api_url)) as client:
        found = await find_invocation(client, reference)
        previous: str | None = None
        async with aclosing(_following(client, found) if follows else _written(client, found)) as lines:
            async for execution_id, line in lines:
                if previous not in (None, execution_id) and not as_json:
                    note(f"The next attempt: {execution_id}")
                previous = execution_id
                if as_json:
                    print_json({"execution_id": execution_id, "line": line})
                else:
                    print_line(line)
                if is_unread() or loss() is not None:
                    break


async def _written(client: Client, invocation: Invocation) -> AsyncGenerator[tuple[str, str], None]:
    """Lines so far, each with its execution."""
    for execution in invocation.executions:
        offset: str | None = None
        while True:
            page = await client.logs(path_of(invocation), execution.execution_id, offset=offset)
            for line in page.log_lines:
                yield execution.execution_id, line
            if page.next_offset in (None, offset):
                break
            offset = page.next_offset


async def _following(client: Client, invocation: Invocation) -> AsyncGenerator[tuple[str, str], None]:
    async with aclosing(follow(client.transport, path_of(invocation), with_logs=True, report=note)) as events:
        async for event in events:
            if event.name == "log":
                yield event.data["execution_id"], event.data["line"]
