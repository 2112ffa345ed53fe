"""Settings that are networks, comma separated."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(word.strip()) for word in value.split(",") if word.strip())
    except ValueError as error:
        raise ValueError(f"must be networks, comma separated, such as 10.0.0.0/8,fd00::/8: {error}") from error


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
