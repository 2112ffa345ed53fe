"""Whether keys and tokens, which every request bears, can be read on the way."""

import ipaddress
from urllib.parse import urlsplit

from control_plane_server.cli.doctor.checks import Check, warning

_ADVICE = 'serve the API over HTTPS: docs/aws.md, "In front of the API"'


def check_encryption(name: str, url: str) -> list[Check]:
    """A warning of HTTP that leaves this machine; otherwise nothing."""
    address = urlsplit(url)
    if address.scheme != "http" or _is_loopback(address.hostname or ""):
        return []
    return [warning(name, f"{url} is HTTP: keys and tokens go over the network in the clear", _ADVICE)]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
