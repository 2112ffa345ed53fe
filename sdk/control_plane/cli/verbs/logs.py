"""`control-plane logs`: what an invocation's containers have written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import typer

from control_plane.cli.following import follow
from control_plane.cli.lookup import find_invocation
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.references import Reference, parse_invocation
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.streams import is_unread, loss
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import InvocationInfo


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
    async with connect(api_url) as connection:
        found = await find_invocation(connection, reference)
        previous: str | None = None
        async with aclosing(
            _following(connection, found) if follows else connection.iterate(connection.api.log_lines(found))
        ) as lines:
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


async def _following(connection: AsyncConnection, invocation: InvocationInfo) -> AsyncGenerator[tuple[str, str], None]:
    async with aclosing(follow(connection, invocation, with_logs=True)) as events:
        async for event in events:
            if event.name == "log":
                yield event.data["execution_id"], event.data["line"]
