"""`control-plane cancel`: an invocation is asked to stop."""

from typing import Annotated

import typer

from control_plane.access.resolution import find_server
from control_plane.cli.client.client import Client
from control_plane.cli.client.errors import Refused
from control_plane.cli.client.lookup import find_invocation, path_of, reference_of
from control_plane.cli.client.references import Reference, parse_invocation
from control_plane.cli.client.states import state_of
from control_plane.cli.exits import CommandFailed
from control_plane.cli.output import note, print_json
from control_plane.cli.running import run
from control_plane.cli.verbs.options import ApiUrl, Json

_CONFLICT = 409


def cancel(
    invocation: Annotated[str, typer.Argument(metavar="PROJECT/FUNCTION/INVOCATION")],
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Ask an invocation, and those that it has started, to stop. May be repeated while it runs."""
    run(_cancel(parse_invocation(invocation), api_url=api_url, as_json=as_json))


async def _cancel(reference: Reference, *, api_url: str | None, as_json: bool) -> None:
    async with Client(find_server(api_url)) as client:
        found = await find_invocation(client, reference)
        try:
            cancelled = await client.cancel(path_of(found))
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            ended = await client.invocation(path_of(found))
            raise CommandFailed(f"{reference_of(ended)} has ended already: {state_of(ended)}") from error
    note(f"{reference_of(cancelled)} is being cancelled")
    if as_json:
        print_json(cancelled.document())
