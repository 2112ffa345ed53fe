"""`control-plane demo`: a real problem, solved on the real stack, watched live."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Annotated, Protocol

import typer
from control_plane.access.local_stacks import StackAccess
from control_plane.access.server import Server
from control_plane.cli.exits import ExitCode
from control_plane.cli.output import fail, note, print_text
from control_plane.cli.questions import until_enter
from control_plane.cli.session import PATIENCE
from control_plane.cli.signals import StopRequested, StopSignals
from control_plane.client.connections import AsyncConnection
from control_plane.errors import ControlPlaneError
from control_plane.protocol.answers import InvocationInfo

from control_plane_server.cli.demo.curl import curl_commands
from control_plane_server.cli.demo.definition import AT_ONCE, PROJECT, ROUNDS
from control_plane_server.cli.demo.errors import DemoFailed
from control_plane_server.cli.demo.kept import KeptStack
from control_plane_server.cli.demo.screen import Screen
from control_plane_server.cli.demo.tour import BEST_KNOWN_LENGTH, Tour, TourClaim, check_tour, draw, read_cities
from control_plane_server.cli.demo.work import INPUT, deploy, solve
from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.ports import choose_free
from control_plane_server.cli.stack.stack import EmbeddedStack

DEFAULT_DATA_DIR = Path(".control-plane/demo")


class Stack(Protocol):
    """A stack that this command starts, and that it stops or leaves running."""

    async def start(self) -> StackAccess: ...

    async def stop(self, hurry: asyncio.Event) -> None: ...


def demo(
    *,
    examples: Annotated[Path, typer.Option(help="The folder of the project's examples.")] = Path("examples"),
    data_dir: Annotated[Path, typer.Option(help="Keeps databases, logs and containers.")] = DEFAULT_DATA_DIR,
    drawing: Annotated[Path, typer.Option(help="Where the picture of the tour goes.")] = Path("demo-tour.svg"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards.")] = False,
) -> None:
    """Find a short round trip through 48 cities on an embedded stack, and show how.

    Uses the stack that runs on the data folder, if there is one. Takes other ports where the usual ones are busy. On a
    terminal the stack stays up until Enter, so that the links and commands that are shown work.
    """
    example = examples / "att48"
    if not (example / "main.py").exists():
        fail(f"there is no {example / 'main.py'}; name the project's examples with --examples")
        raise typer.Exit(2)
    try:
        asyncio.run(_run(example, data_dir=data_dir, drawing=drawing, keep=keep))
    except (StackError, DemoFailed, ControlPlaneError) as error:
        fail(str(error))
        raise typer.Exit(1) from error
    except StopRequested as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error


async def _run(example: Path, *, data_dir: Path, drawing: Path, keep: bool) -> None:
    running = find_access(DataFolder(data_dir))
    with StopSignals() as signals:
        if running is not None:
            note(f"Using the stack that runs on {data_dir}")
            await signals.interrupting(_show_off(running, example=example, drawing=drawing, stays=True))
            note(_how_to_stop(running))
            return
        options = _options(data_dir)
        stack: Stack = KeptStack(options) if keep else EmbeddedStack(options, note)
        note("Starting PostgreSQL, Temporal, loop and api …")
        access = await signals.interrupting(stack.start())
        stays = keep or sys.stdin.isatty()
        try:
            await signals.interrupting(_show_off(access, example=example, drawing=drawing, stays=stays))
            if stays and not keep:
                note("All of the above works until you press Enter; then the stack stops.")
                await signals.interrupting(until_enter())
        finally:
            if not keep or signals.stop.is_set():
                note("Stopping …")
                await stack.stop(signals.hurry)
        note(_how_to_stop(access) if keep else _how_to_go_on(data_dir))


def _options(data_dir: Path) -> StackOptions:
    usual = StackOptions(data_dir=data_dir)
    port, temporal_port, temporal_ui_port = choose_free((usual.port, usual.temporal_port, usual.temporal_ui_port))
    return replace(usual, port=port, temporal_port=temporal_port, temporal_ui_port=temporal_ui_port)


async def _show_off(access: StackAccess, *, example: Path, drawing: Path, stays: bool) -> None:
    """Solve the problem on the stack and tell about it: what works as long as it runs, only if it `stays`. Raises
    DemoFailed."""
    if stays:
        note(f"Watch it at {access.console_url}, with the key {access.api_key}")
    cities = read_cities(example / "att48.csv")
    async with AsyncConnection(_server(access), PATIENCE) as connection:
        note(f"Deploying {example} as project {PROJECT} …")
        version = await deploy(connection, example)
        with Screen(expected=ROUNDS * AT_ONCE) as screen:
            invocation = await solve(connection, version, screen.show)
    tour = check_tour(_claim(invocation), cities)
    _draw(tour, drawing)
    _print_result(tour, drawing=drawing)
    if stays:
        _print_links(access, invocation)
        _print_curl_commands(access, example)


def _server(access: StackAccess) -> Server:
    found_in = "the demo's stack"
    return Server(api_url=access.api_url, api_key=access.api_key, found_in=found_in, key_found_in=found_in)


def _draw(tour: Tour, path: Path) -> None:
    try:
        path.write_text(draw(tour))
    except OSError as error:
        raise DemoFailed(
            f"the drawing cannot be written to {path} ({error.strerror}); choose another --drawing"
        ) from error


def _claim(invocation: InvocationInfo) -> TourClaim:
    if invocation.latest is None or invocation.latest.output is None:
        raise DemoFailed("the invocation succeeded without a result")
    return TourClaim.model_validate_json(invocation.latest.output)


def _print_result(tour: Tour, *, drawing: Path) -> None:
    print_text("")
    print_text(f"Tour      {tour.length:,}, {tour.excess:.2%} above the best known {BEST_KNOWN_LENGTH:,}")
    print_text(f"Drawing   {drawing.absolute()}")


def _print_links(access: StackAccess, invocation: InvocationInfo) -> None:
    lines = {
        "Console": f"{access.console_url}/invocations/{invocation.invocation_id}",
        "History": access.history_url(invocation.invocation_id) or f"Temporal at {access.temporal_address}",
        "API docs": f"{access.api_url}/docs",
        "API key": access.api_key,
    }
    for name, value in lines.items():
        print_text(f"{name:<9} {value}")


def _print_curl_commands(access: StackAccess, example: Path) -> None:
    print_text("\nThe same with curl:\n")
    for command in curl_commands(access, example=example, input_=INPUT):
        print_text(command)
    print_text("")


def _how_to_go_on(data_dir: Path) -> str:
    """What works although the stack has stopped."""
    return (
        f"Stopped; what it did is kept. Look at it: control-plane dev --data-dir {quote(str(data_dir))}\n"
        f"and in another terminal: control-plane list {PROJECT}. Again, with a stack that stays: make demo KEEP=1"
    )


def _how_to_stop(access: StackAccess) -> str:
    return f"The stack goes on running; stop it with: kill {access.pid}"
