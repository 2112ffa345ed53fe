"""Watches an invocation to its end: quietly, or telling what happens."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from shlex import quote

from control_plane.cli.exits import ExitCode
from control_plane.cli.following import follow
from control_plane.cli.output import fail, note, print_json, print_line
from control_plane.cli.references import reference_of
from control_plane.cli.shortening import shortened
from control_plane.cli.states import exit_code_of, in_words
from control_plane.cli.streams import is_unread, loss
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.blobs import with_output
from control_plane.protocol.events import Event
from control_plane.protocol.paths import invocation_path
from control_plane.protocol.results import Result
from control_plane.protocol.states import SUCCEEDED, error_of, status_of

_MOST_SHOWN = 500  # of a progress report, in characters
_CONTAINER_STATES = {"PENDING": "starting", "PROVISIONING": "starting", "TERMINATED": "ended"}


async def watch_outcome(connection: AsyncConnection, invocation: InvocationInfo, *, as_json: bool) -> ExitCode:
    """Wait, and print the result, or with `as_json` the invocation. The exit code tells the outcome."""
    with _left_running(invocation):
        invocation = await _settled(connection, invocation)
    if as_json:
        print_json(invocation.document)
    else:
        await _print_result(connection, invocation)
    _tell_where_it_is_kept(invocation)
    return exit_code_of(invocation)


async def watch_events(connection: AsyncConnection, invocation: InvocationInfo, *, as_json: bool) -> ExitCode:
    """Tell what happens, and print the result; with `as_json` print the events. The exit code tells the outcome."""
    printer = _EventPrinter()
    with _left_running(invocation):
        async with aclosing(follow(connection, invocation, with_logs=True)) as events:
            async for event in events:
                if as_json:
                    print_json(event.document())
                else:
                    printer.print(event)
        invocation = await _settled(connection, invocation)
    if not as_json:
        await _print_result(connection, invocation)
    _tell_where_it_is_kept(invocation)
    return exit_code_of(invocation)


class _EventPrinter:
    """Events as lines on stderr. What was said last is not said again."""

    def __init__(self) -> None:
        self._last = ""

    def print(self, event: Event) -> None:
        if event.name == "log":
            note(f"  | {event.data['line']}")
            return
        if event.name == "progress":
            note(f"progress: {_shortened(event.data['output'])}")
            return
        line = _state_line(event) if event.name == "state" else ""
        if line and line != self._last:
            note(line)
            self._last = line


def _state_line(event: Event) -> str:
    """Empty where there is nothing to say: of the end, the result tells."""
    data = event.data
    if data["invocation_status"] == "TERMINATED":
        return ""
    if data["attempt"] is None:
        return "being cancelled" if data["cancellation_requested"] else "queued"
    error = f": {_shortened(data['error_message'].splitlines()[0])}" if data["error_message"] else ""
    state = data["outcome"] or _CONTAINER_STATES.get(data["worker_status"], data["worker_status"])
    return f"attempt {data['attempt']}: {state.lower()}{error}"


def _shortened(text: str | None) -> str:
    line = (text or "").replace("\n", " ")
    return line if len(line) <= _MOST_SHOWN else line[:_MOST_SHOWN] + "…"


async def _settled(connection: AsyncConnection, invocation: InvocationInfo) -> InvocationInfo:
    """As soon as its outcome is known."""
    return await connection.run(connection.api.settled(invocation_path(invocation.document)))


@contextmanager
def _left_running(invocation: InvocationInfo) -> Iterator[None]:
    """Within it, an interruption says how to go on: it ends only us."""
    try:
        yield
    except asyncio.CancelledError:
        reference = quote(str(reference_of(invocation)))
        note(
            f"The invocation goes on. Watch it: control-plane logs --follow {reference}\n"
            f"Stop it: control-plane cancel {reference}"
        )
        raise


async def _print_result(connection: AsyncConnection, invocation: InvocationInfo) -> None:
    status = status_of(invocation.document)
    if status != SUCCEEDED:
        error, how = error_of(invocation.document), in_words(status)
        said = error if error and error.startswith(how) else f"{how}: {error}" if error else how
        fail(f"{reference_of(invocation)} {shortened(said)}")
        return
    whole = await connection.run(with_output(connection.api.peer, Result.of_document(invocation.document)))
    if whole.output_error is not None:
        raise whole.output_error
    output = whole.output
    if output is not None:
        print_line(output)


def _tell_where_it_is_kept(invocation: InvocationInfo) -> None:
    """If nobody has got it from stdout."""
    if is_unread() or loss() is not None:
        note(f"The result is kept: control-plane describe {quote(str(reference_of(invocation)))} --result")
