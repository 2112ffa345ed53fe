"""`control-plane cancel`: an invocation is asked to stop."""

from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import find_invocation
from control_plane.cli.output import note, print_json
from control_plane.cli.references import Reference, parse_invocation, reference_of
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import state_of
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.errors import Refused
from control_plane.protocol.paths import invocation_path

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
    async with connect(api_url) as connection:
        found = await find_invocation(connection, reference)
        path = invocation_path(found.document)
        try:
            cancelled = await connection.run(connection.api.cancel(path))
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            ended = await connection.run(connection.api.invocation(path))
            raise CannotBeDone(f"{reference_of(ended)} has ended already: {state_of(ended)}") from error
    note(f"{reference_of(cancelled)} is being cancelled")
    if as_json:
        print_json(cancelled.document)
