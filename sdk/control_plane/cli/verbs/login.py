"""`control-plane login` and `logout`: which server the other verbs talk to from now on."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.access.logins import Login, save_login, saved_login
from control_plane.access.resolution import find_url, goes_before_login
from control_plane.access.server import Server, is_sendable, normal_url
from control_plane.access.settings import client_settings
from control_plane.cli.output import note, print_json
from control_plane.cli.questions import ask_secretly
from control_plane.cli.running import run
from control_plane.cli.session import PATIENCE
from control_plane.cli.verbs.options import Json
from control_plane.client.connections import AsyncConnection

_MOST_KEY_BYTES = 10_000


def login(
    url: Annotated[str | None, typer.Argument(help="The server; without it, the one that is used now.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Save a server and its API key, once the server has accepted the key.

    The key is asked for on a terminal, else read from stdin.
    """
    address = normal_url(url) if url is not None else find_url(None)
    if address is None:
        raise WrongUsage("name the server: control-plane login URL")
    run(_login(address, _ask_for_key(address), as_json=as_json))


def logout(*, as_json: Json = False) -> None:
    """Forget what login saved."""
    run(_logout(as_json=as_json))


def _ask_for_key(address: str) -> str:
    if sys.stdin.isatty():
        return ask_secretly(f"API key for {address}: ").strip()
    return sys.stdin.buffer.readline(_MOST_KEY_BYTES).decode(errors="replace").strip()


def _file() -> Path:
    path = client_settings().saved_login
    if path is None:
        raise CannotBeDone(
            "there is no home folder for a login; set HOME or XDG_CONFIG_HOME, or name the server "
            "with CONTROL_PLANE_API_URL and CONTROL_PLANE_API_KEY"
        )
    return path


async def _login(address: str, key: str, *, as_json: bool) -> None:
    path = _file()
    if not is_sendable(key):
        raise WrongUsage("the API key is missing or malformed; enter it at the prompt or send it to stdin")
    server = Server(api_url=address, api_key=key, found_in="control-plane login", key_found_in="just entered")
    async with AsyncConnection(server, PATIENCE) as connection:
        await connection.run(connection.api.projects())
    save_login(path, Login(api_url=address, api_key=key))
    note(f"Saved in {path}.")
    before = goes_before_login(address)
    if before is not None:
        note(before)
    if as_json:
        print_json({"api_url": address})


async def _logout(*, as_json: bool) -> None:
    path = _file()
    forgotten = saved_login(path)
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:
        forgotten = None
    except OSError as error:
        raise CannotBeDone(f"{path} cannot be removed ({error.strerror}); nobody was logged out") from error
    note("Nobody was logged in." if forgotten is None else f"Forgot {forgotten.api_url}.")
    if as_json:
        print_json({"api_url": None if forgotten is None else forgotten.api_url})
