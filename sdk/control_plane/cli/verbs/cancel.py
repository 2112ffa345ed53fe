"""`control-plane cancel`: an invocation, or a batch of them, is asked to stop."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import all_meant, find_batch, find_invocation
from control_plane.cli.output import note, print_json
from control_plane.cli.references import Reference, is_batch, parse_invocation, reference_of
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.states import state_of
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.paths import batch_path, invocation_path

_CONFLICT = 409


def cancel(
    what: Annotated[str, typer.Argument(metavar="INVOCATION|BATCH|-")],
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Ask an invocation, and those that it has started, to stop; or all of a batch. May be repeated while it runs.

    After `map`, - is all that it has submitted.
    """
    if not is_batch(what):
        parse_invocation(what)
    run(_cancel(what, api_url=api_url, as_json=as_json))


async def _cancel(what: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        named = all_meant(connection, what)
        if not is_batch(named[0]):
            cancelled = await _cancel_invocation(connection, parse_invocation(named[0]))
        elif len(named) == 1:
            cancelled = await _cancel_batch(connection, named[0])
        else:
            cancelled = {"batches": await _cancel_run(connection, named)}
        if as_json:
            print_json(cancelled)


async def _cancel_run(connection: AsyncConnection, batch_ids: Sequence[str]) -> list[dict[str, Any]]:
    """All of them that run still. Raises CannotBeDone if none does."""
    cancelled = []
    for batch_id in batch_ids:
        try:
            cancelled.append(await _cancel_batch(connection, batch_id))
        except CannotBeDone as error:
            note(str(error))
    if not cancelled:
        raise CannotBeDone("nothing of the last run can be cancelled")
    return cancelled


async def _cancel_batch(connection: AsyncConnection, batch_id: str) -> dict[str, Any]:
    found = await find_batch(connection, batch_id)
    try:
        cancelled = await connection.run(connection.api.cancel_batch(batch_path(found.document)))
    except Refused as error:
        if error.status != _CONFLICT:
            raise
        raise CannotBeDone(f"{batch_id} has ended already") from error
    note(f"{batch_id} is being cancelled")
    return cancelled.document


async def _cancel_invocation(connection: AsyncConnection, reference: Reference | str) -> dict[str, Any]:
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
    return cancelled.document
