"""`control-plane logs`: what an invocation's containers have written."""

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.following import follow
from control_plane.cli.lookup import find_invocation, meant
from control_plane.cli.moments import HELP, moment
from control_plane.cli.output import local_milliseconds, note, print_json, print_line
from control_plane.cli.references import LAST, parse_invocation, reference_of
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.streams import is_unread, loss
from control_plane.cli.verbs.options import ApiUrl, Invocation, Json
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import Execution, InvocationInfo

# Of an execution: a line with when and where it was written.
_Entry = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """`since`: epoch seconds; `attempt`: from 1."""

    since: float | None
    tail: int | None
    attempt: int | None


def logs(
    invocation: Invocation,
    *,
    follows: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the invocation has ended.")] = False,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", "-t", help="Before each line, when it was written.")
    ] = False,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help=f"Written since then: {HELP}.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, metavar="LINES", help="Only the last ones.")] = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only this one's: 1 is the first.")] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Print the log of every attempt, oldest first."""
    if follows and tail is not None:
        raise WrongUsage("--tail shows what there is, --follow what comes; leave one of them away")
    parse_invocation(invocation)
    wanted = _Wanted(since=None if since is None else moment(since, now=datetime.now(UTC)), tail=tail, attempt=attempt)
    run(_logs(invocation, wanted, follows=follows, timestamps=timestamps, api_url=api_url, as_json=as_json))


async def _logs(
    what: str, wanted: _Wanted, *, follows: bool, timestamps: bool, api_url: str | None, as_json: bool
) -> None:
    async with connect(api_url) as connection:
        found = await find_invocation(connection, parse_invocation(_named(connection, what)))
        entries = _following(connection, found, wanted) if follows else _so_far(connection, found, wanted)
        printer = _Printer(found, timestamps=timestamps, as_json=as_json)
        async with aclosing(entries):
            async for execution_id, entry in entries:
                printer.print(execution_id, entry)
                if is_unread() or loss() is not None:
                    break


def _named(connection: AsyncConnection, what: str) -> str:
    named = meant(connection, what)
    if what == LAST and named.startswith("bat-"):
        raise CannotBeDone(
            f"the last that this terminal made is the batch {named}; its invocations: "
            f"control-plane list PROJECT --batch {named}"
        )
    return named


class _Printer:
    def __init__(self, invocation: InvocationInfo, *, timestamps: bool, as_json: bool) -> None:
        self._attempts = {execution.execution_id: number for number, execution in _numbered(invocation.executions)}
        self._timestamps = timestamps
        self._as_json = as_json
        self._previous: str | None = None

    def print(self, execution_id: str, entry: dict[str, Any]) -> None:
        number = self._attempts.setdefault(execution_id, len(self._attempts) + 1)
        if self._as_json:
            print_json({"execution_id": execution_id, "attempt": number, **entry})
            return
        if self._previous not in (None, execution_id):
            note(f"Attempt {number}: {execution_id}")
        self._previous = execution_id
        time = entry.get("time_ms")
        print_line(f"{local_milliseconds(time):<23}  {entry['line']}" if self._timestamps else str(entry["line"]))


def _numbered(executions: Sequence[Execution]) -> list[tuple[int, Execution]]:
    return list(enumerate(executions, start=1))


async def _so_far(
    connection: AsyncConnection, invocation: InvocationInfo, wanted: _Wanted
) -> AsyncGenerator[_Entry, None]:
    executions = [
        execution for number, execution in _numbered(invocation.executions) if wanted.attempt in (None, number)
    ]
    if wanted.attempt is not None and not executions:
        there_are = f"there are {len(invocation.executions)}" if invocation.executions else "there is none yet"
        raise CannotBeDone(f"{reference_of(invocation)} has no attempt {wanted.attempt}; {there_are}")
    stream = connection.iterate(
        connection.api.log_entries(invocation, executions, since=wanted.since, tail=wanted.tail)
    )
    kept: deque[_Entry] = deque(maxlen=wanted.tail)
    async with aclosing(stream):
        async for execution_id, entry in stream:
            if not _is_since(entry, wanted.since):
                continue
            if wanted.tail is None:
                yield execution_id, entry
            else:
                kept.append((execution_id, entry))
    for pair in kept:
        yield pair


async def _following(
    connection: AsyncConnection, invocation: InvocationInfo, wanted: _Wanted
) -> AsyncGenerator[_Entry, None]:
    attempts = {execution.execution_id: number for number, execution in _numbered(invocation.executions)}
    async with aclosing(follow(connection, invocation, with_logs=True)) as events:
        async for event in events:
            if event.name == "state" and event.data["attempt"] is not None:
                attempts[event.data["execution_id"]] = event.data["attempt"]
            if event.name != "log":
                continue
            execution_id = event.data["execution_id"]
            number = attempts.setdefault(execution_id, len(attempts) + 1)
            entry = {
                "time_ms": event.data.get("time_ms"),
                "stream": event.data.get("stream"),
                "line": event.data["line"],
            }
            if wanted.attempt in (None, number) and _is_since(entry, wanted.since):
                yield execution_id, entry


def _is_since(entry: dict[str, Any], since: float | None) -> bool:
    """A line of which nobody knows when it was written may be."""
    time = entry.get("time_ms")
    return since is None or time is None or bool(time >= since * 1_000)
