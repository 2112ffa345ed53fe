"""Watches an invocation to its end: quietly, or telling what happens."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager

from control_plane.cli.client.answers import Invocation
from control_plane.cli.client.client import Client
from control_plane.cli.client.events import Event, follow
from control_plane.cli.client.lookup import path_of, reference_of
from control_plane.cli.client.states import Status, error_of, output_of, status_of
from control_plane.cli.exits import ExitCode
from control_plane.cli.output import fail, note, print_json, print_line
from control_plane.cli.streams import is_unread, loss

_WAIT_SECONDS = 60
_MOST_SHOWN = 500  # of a progress report, in characters
_CONTAINER_STATES = {"PENDING": "starting", "PROVISIONING": "starting", "TERMINATED": "ended"}
_EXIT_CODES = {
    Status.SUCCEEDED: ExitCode.OK,
    Status.TIMED_OUT: ExitCode.TIMED_OUT,
    Status.CANCELLED: ExitCode.CANCELLED,
}


async def watch_outcome(client: Client, invocation: Invocation, *, as_json: bool) -> ExitCode:
    """Wait, and print the result, or with `as_json` the invocation. The exit code tells the outcome."""
    with _left_running(invocation):
        invocation = await _settled(client, invocation)
    if as_json:
        print_json(invocation.document())
    else:
        _print_result(invocation)
    _tell_where_it_is_kept(invocation)
    return _exit_code(invocation)


async def watch_events(client: Client, invocation: Invocation, *, as_json: bool) -> ExitCode:
    """Tell what happens, and print the result; with `as_json` print the events. The exit code tells the outcome."""
    printer = _EventPrinter()
    with _left_running(invocation):
        async with aclosing(follow(client.transport, path_of(invocation), with_logs=True, report=note)) as events:
            async for event in events:
                if as_json:
                    print_json(event.document())
                else:
                    printer.print(event)
        invocation = await _settled(client, invocation)
    if not as_json:
        _print_result(invocation)
    _tell_where_it_is_kept(invocation)
    return _exit_code(invocation)


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
    error = f": {data['error_message'].splitlines()[0]}" if data["error_message"] else ""
    state = data["outcome"] or _CONTAINER_STATES.get(data["worker_status"], data["worker_status"])
    return f"attempt {data['attempt']}: {state.lower()}{error}"


def _shortened(text: str | None) -> str:
    line = (text or "").replace("\n", " ")
    return line if len(line) <= _MOST_SHOWN else line[:_MOST_SHOWN] + "…"


async def _settled(client: Client, invocation: Invocation) -> Invocation:
    """As soon as its outcome is known."""
    while not status_of(invocation).is_final:
        invocation = await client.invocation(path_of(invocation), wait_seconds=_WAIT_SECONDS)
    return invocation


@contextmanager
def _left_running(invocation: Invocation) -> Iterator[None]:
    """Within it, an interruption says how to go on: it ends only us."""
    try:
        yield
    except asyncio.CancelledError:
        reference = reference_of(invocation)
        note(
            f"The invocation goes on. Watch it: control-plane logs --follow {reference}\n"
            f"Stop it: control-plane cancel {reference}"
        )
        raise


def _print_result(invocation: Invocation) -> None:
    status = status_of(invocation)
    if status is not Status.SUCCEEDED:
        error = error_of(invocation)
        fail(f"{reference_of(invocation)} {status}" + (f": {error}" if error else ""))
        return
    output = output_of(invocation)
    if output is not None:
        print_line(output)


def _tell_where_it_is_kept(invocation: Invocation) -> None:
    """If nobody has got it from stdout."""
    if is_unread() or loss() is not None:
        note(f"The result is kept: control-plane describe {reference_of(invocation)} --json")


def _exit_code(invocation: Invocation) -> ExitCode:
    return _EXIT_CODES.get(status_of(invocation), ExitCode.FAILED)
