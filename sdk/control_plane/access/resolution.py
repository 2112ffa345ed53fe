"""Which server a client talks to: what it is told, the environment, what `login` saved, the stack on this machine."""

from dataclasses import replace
from functools import cached_property

from control_plane.access.errors import CannotBeDone
from control_plane.access.local_stacks import LocalStack, local_stack
from control_plane.access.logins import Login, saved_login
from control_plane.access.server import Server, is_sendable, normal_url
from control_plane.access.settings import client_settings

_LOGIN = "control-plane login"
_URL_VARIABLE = "CONTROL_PLANE_API_URL"
_KEY_VARIABLE = "CONTROL_PLANE_API_KEY"


class _Candidates:
    """What is not needed is not looked at: where URL and key are given, there may be no home and no file to read."""

    def __init__(self) -> None:
        self.settings = client_settings()

    @cached_property
    def login(self) -> Login | None:
        path = self.settings.saved_login
        return None if path is None else saved_login(path)

    @cached_property
    def stack(self) -> LocalStack | None:
        return local_stack()


def find_server(api_url: str | None, api_key: str | None = None) -> Server:
    """`api_url`, `api_key`: what the caller says, which goes before all that is found. A key that is saved for one
    server is never sent to another.

    Raises CannotBeDone if there is no server, or no key for it; WrongUsage if the address is none.
    """
    candidates = _Candidates()
    found = _find(api_url, candidates)
    if found is None:
        raise CannotBeDone(
            "there is no server; start one on this machine with: control-plane dev, or name yours with: "
            f"{_LOGIN} URL, or with {_URL_VARIABLE} and {_KEY_VARIABLE}"
        )
    url, found_in = found
    key, key_found_in = _key(url, candidates) if api_key is None else (api_key, "that was given")
    if key is None:
        raise CannotBeDone(f"there is no key for {url}; run: {_LOGIN} {url}, or set {_KEY_VARIABLE}")
    if not is_sendable(key):
        raise CannotBeDone(f"the API key ({key_found_in}) holds characters that no key has; set it anew")
    server = Server(api_url=url, api_key=key, found_in=found_in, key_found_in=key_found_in)
    stack = candidates.stack if server.is_on_loopback else None
    return replace(server, stack=stack) if stack is not None and stack.access.api_url == url else server


def find_url(api_url: str | None) -> str | None:
    """The server's address alone, which needs no key."""
    found = _find(api_url, _Candidates())
    return None if found is None else found[0]


def _find(api_url: str | None, candidates: _Candidates) -> tuple[str, str] | None:
    """The address, and where it was found."""
    if api_url is not None:
        return normal_url(api_url), "--api-url"
    if candidates.settings.api_url is not None:
        return normal_url(candidates.settings.api_url), _URL_VARIABLE
    if candidates.login is not None:
        return candidates.login.api_url, _LOGIN
    if candidates.stack is not None:
        return candidates.stack.access.api_url, "control-plane dev"
    return None


def _key(url: str, candidates: _Candidates) -> tuple[str | None, str]:
    if candidates.settings.api_key is not None:
        return candidates.settings.api_key, f"of {_KEY_VARIABLE}"
    if candidates.login is not None and candidates.login.api_url == url:
        return candidates.login.api_key, f"of {_LOGIN}"
    if candidates.stack is not None and candidates.stack.access.api_url == url:
        return candidates.stack.access.api_key, "of control-plane dev"
    return None, ""
