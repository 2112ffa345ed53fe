"""URLs of webhooks, as they are written."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from control_plane_server.domain.bounds import MAX_URL_LENGTH
from control_plane_server.webhooks.addresses import Address

_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_LAST_LABEL_OF_A_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)", re.ASCII)
_MAX_NAME_LENGTH = 253
_PORTS = {"http": 80, "https": 443}


class UrlIsMalformed(ValueError):
    """Its text says what to do"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookUrl:
    """`text`: as it is stored, scheme and host in lower case. `host`: a name, in ASCII, or an address."""

    text: str
    is_encrypted: bool
    host: str | Address
    port: int


def parse_url(text: str) -> WebhookUrl:
    """Raises UrlIsMalformed."""
    if len(text) > MAX_URL_LENGTH:
        raise UrlIsMalformed(f"must not exceed {MAX_URL_LENGTH} characters")
    if _PRINTABLE.fullmatch(text) is None or "\\" in text:
        raise UrlIsMalformed(
            "must be of printable ASCII characters; percent-encode others, and write hosts in Punycode"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
        name = (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise UrlIsMalformed("must be https://host/path") from error
    if parts.scheme not in _PORTS or not name or port == 0:
        raise UrlIsMalformed("must be https://host/path")
    if parts.username is not None or parts.password is not None:
        raise UrlIsMalformed("must not carry a user or password; verify the signature instead")
    if "#" in text:
        raise UrlIsMalformed("must not have a fragment, which is never sent")
    shown = f"[{name}]" if ":" in name else name
    netloc = shown if port is None else f"{shown}:{port}"
    return WebhookUrl(
        text=parts._replace(netloc=netloc).geturl(),
        is_encrypted=parts.scheme == "https",
        host=_host(name),
        port=port or _PORTS[parts.scheme],
    )


def _host(name: str) -> str | Address:
    try:
        return ip_address(name)
    except ValueError:
        pass
    # Resolvers take 127.1 and 0x7f000001 for addresses: what ends in a number is one, or wrong.
    is_number = _LAST_LABEL_OF_A_NUMBER.fullmatch(name.rpartition(".")[2]) is not None
    if is_number or len(name) > _MAX_NAME_LENGTH or _NAME.fullmatch(name) is None:
        raise UrlIsMalformed("must have a host name, or an address as it is usually written")
    return name
