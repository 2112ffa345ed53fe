"""`control-plane pause` and `resume`: what waits of a project, or of a function, begins later."""

import time
from datetime import datetime
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.lookup import explained
from control_plane.cli.output import local_time, note, print_json
from control_plane.cli.references import Reference, parse
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.cli.verbs.submit_options import duration_of
from control_plane.protocol.paths import project_path

_What = Annotated[str, typer.Argument(metavar="PROJECT[/FUNCTION]")]


def pause(
    what: _What,
    *,
    for_: Annotated[str | None, typer.Option("--for", metavar="30m|2h|1d", help="Resume by itself then.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="2026-11-30T08:00", help="Likewise, at a time of this machine's.")
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Let nothing that waits begin: in all of a project, or of a function in all its versions. What runs goes on; its
    next attempt waits. Queues keep their order, and time-outs count on. May be repeated: the last end counts.
    """
    end = end_of(for_, until)
    reference = parse(what, parts=2)
    run(_change(reference, "pause", {} if end is None else {"until": end}, api_url=api_url, as_json=as_json))


def resume(what: _What, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Let what waits of a paused project, or of a paused function, go on. May be repeated."""
    run(_change(parse(what, parts=2), "resume", None, api_url=api_url, as_json=as_json))


async def _change(
    reference: Reference, verb: str, body: dict[str, int] | None, *, api_url: str | None, as_json: bool
) -> None:
    path = project_path(reference.project) if reference.function is None else reference.function_path
    async with connect(api_url) as connection, explained(connection, reference):
        changed = await connection.run(connection.api.put(f"{path}/{verb}", body))
    if as_json:
        print_json(changed)
    elif changed["paused_since"] is None:
        note(f"{reference} is not paused")
    else:
        note(f"{reference} is paused {paused_until(changed['paused_until'])}")


def paused_until(until: int | None) -> str:
    return "until it is resumed" if until is None else f"until {local_time(until)}"


def end_of(for_: str | None, until: str | None) -> int | None:
    """Epoch seconds. Raises WrongUsage."""
    if for_ is not None and until is not None:
        raise WrongUsage("--for and --until both say when it resumes; give one of them")
    if for_ is not None:
        return round(time.time() + duration_of(for_, option="--for").total_seconds())
    if until is None:
        return None
    try:
        return round(datetime.fromisoformat(until).astimezone().timestamp())
    except (ValueError, OverflowError):
        raise WrongUsage(f"--until must be a time such as 2026-11-30T08:00, not {until!r}") from None
