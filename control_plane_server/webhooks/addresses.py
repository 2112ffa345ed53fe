"""Which addresses webhooks are sent to: those of the public internet, and networks that the operator allows.

IANA's registries of special-purpose addresses are the standard library's; what they call global and leads inwards all
the same is here.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# They carry an IPv4 address, to which a gateway or this machine may pass on, or are machines of a cloud.
_INWARDS = tuple(
    map(
        ip_network,
        (
            "::ffff:0:0/96",  # IPv4-mapped
            "::ffff:0:0:0/96",  # IPv4-translated
            "64:ff9b::/96",  # NAT64
            "64:ff9b:1::/48",  # NAT64 of a local network
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
            "3fff::/20",  # of documentation
            "5f00::/16",  # of segment routing
            "192.0.0.0/24",  # of protocols, and Oracle's platform; Python's own list has grown with its releases
            "192.88.99.0/24",  # relays of 6to4
            "168.63.129.16/32",  # Azure's platform, as each of its machines reaches it
        ),
    )
)


class AllowedAddresses:
    """`networks`: which ones are allowed though they are not of the public internet."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def allows(self, address: Address) -> bool:
        return self.is_ours(address) or _is_public(address)

    def is_ours(self, address: Address) -> bool:
        """Whether it is in one of the networks."""
        return any(address in network for network in self._networks)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.is_site_local or address.scope_id is not None):
        return False
    is_special = not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified
    return not is_special and not any(address in network for network in _INWARDS)
