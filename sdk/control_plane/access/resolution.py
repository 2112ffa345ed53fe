"""Which server a client talks to: what it is told, the environment, what `use` chose or `login` saved, the stack on
this machine."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from shlex import quote

from control_plane.access.choices import chosen
from control_plane.access.errors import CannotBeDone
from control_plane.access.local_stacks import LocalStack, running_stacks, stack_on
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
    def stacks(self) -> list[LocalStack]:
        return running_stacks()

    @cached_property
    def chosen_stack(self) -> LocalStack | None:
        """Raises CannotBeDone if the one that was chosen does not run: another is not meant."""
        data_dir = chosen().data_dir
        if data_dir is None:
            return None
        stack = stack_on(Path(data_dir))
        if stack is None:
            raise CannotBeDone(
                f"the stack that control-plane use has chosen does not run; start it with: "
                f"control-plane dev --data-dir {quote(data_dir)}, or forget it with: control-plane use --forget"
            )
        return stack

    def stack_at(self, url: str) -> LocalStack | None:
        return next((stack for stack in self.stacks if stack.access.api_url == url), None)


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
    return replace(server, stack=candidates.stack_at(url)) if server.is_on_loopback else server


def find_url(api_url: str | None) -> str | None:
    """The server's address alone, which needs no key."""
    found = _find(api_url, _Candidates())
    return None if found is None else found[0]


def goes_before_login(address: str) -> str | None:
    """One line about what leads elsewhere all the same, once a login for the address is saved; None if nothing does.
    Raises CannotBeDone if what `use` has chosen cannot be read."""
    named = client_settings().api_url
    if named is not None:
        return None if normal_url(named) == address else f"{_URL_VARIABLE} goes before it; unset it to use {address}"
    data_dir = chosen().data_dir
    if data_dir is None:
        return None
    stack = stack_on(Path(data_dir))
    if stack is not None and stack.access.api_url == address:
        return None
    return f"What control-plane use has chosen goes before it; to use {address}: control-plane use --forget"


def _find(api_url: str | None, candidates: _Candidates) -> tuple[str, str] | None:
    """The address, and where it was found."""
    if api_url is not None:
        return normal_url(api_url), "--api-url"
    if candidates.settings.api_url is not None:
        return normal_url(candidates.settings.api_url), _URL_VARIABLE
    if candidates.chosen_stack is not None:
        return candidates.chosen_stack.access.api_url, "control-plane use"
    if candidates.login is not None:
        return candidates.login.api_url, _LOGIN
    if len(candidates.stacks) > 1:
        several = ", ".join(f"{stack.access.api_url} ({stack.folder})" for stack in candidates.stacks)
        raise CannotBeDone(
            f"{len(candidates.stacks)} stacks run on this machine: {several}; "
            "choose one with --api-url URL, or once for all with: control-plane use URL"
        )
    return (candidates.stacks[0].access.api_url, "control-plane dev") if candidates.stacks else None


def _key(url: str, candidates: _Candidates) -> tuple[str | None, str]:
    if candidates.settings.api_key is not None:
        return candidates.settings.api_key, f"of {_KEY_VARIABLE}"
    if candidates.login is not None and candidates.login.api_url == url:
        return candidates.login.api_key, f"of {_LOGIN}"
    stack = candidates.stack_at(url)
    return (None, "") if stack is None else (stack.access.api_key, "of control-plane dev")
