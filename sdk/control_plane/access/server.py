"""A server that commands can talk to, and how it was found."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from control_plane.access.errors import WrongUsage
from control_plane.access.local_stacks import LocalStack

_LOOPBACK = re.compile(r"localhost|127\..*|::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`found_in` and `key_found_in`: where the URL and the key were read, for error messages."""

    api_url: str
    api_key: str = field(repr=False)
    found_in: str
    key_found_in: str
    stack: LocalStack | None = None

    @property
    def is_on_loopback(self) -> bool:
        """On this machine, or at the other end of a tunnel: no proxy has any business between."""
        return _LOOPBACK.fullmatch(urlsplit(self.api_url).hostname or "") is not None


def is_sendable(key: str) -> bool:
    """Whether it can be a key: it travels in a header."""
    return bool(key) and key.isascii() and key.isprintable()


def normal_url(text: str) -> str:
    """Without a slash at its end. Raises WrongUsage if it is no address of a server."""
    try:
        address = urlsplit(text)
        is_address = address.scheme in ("http", "https") and address.hostname and (address.port or True)
    except ValueError:
        is_address = False
    if not is_address:
        raise WrongUsage(f"{text!r} is no address of a server; it must look like https://control-plane.example.com")
    return text.rstrip("/")
