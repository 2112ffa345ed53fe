"""Which addresses webhooks may be sent to."""

from ipaddress import ip_address, ip_network

import pytest

from control_plane_server.webhooks.addresses import AllowedAddresses

PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001:80b::200e")
INWARDS = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "::1", "::",  # this machine
    "10.0.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1", "fec0::1",  # private
    "169.254.169.254", "169.254.170.2", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",  # link-local, metadata
    "168.63.129.16", "192.0.0.192", "100.100.100.200", "100.64.0.1",  # platforms of clouds; CGNAT
    "224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255", "240.0.0.1",  # many, or nobody
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1",  # IPv4 in IPv6
    "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1", "192.88.99.1",
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "3fff::1", "5f00::1", "100::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_those_of_the_public_internet_are_allowed(address: str) -> None:
    assert AllowedAddresses().allows(ip_address(address))


@pytest.mark.parametrize("address", INWARDS)
def test_whatever_leads_inwards_is_not(address: str) -> None:
    assert not AllowedAddresses().allows(ip_address(address))


def test_a_network_that_the_operator_allows_is() -> None:
    allowed = AllowedAddresses([ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    for address, is_allowed in (("10.1.2.3", True), ("10.2.0.1", False), ("fd12::1", True), ("::ffff:10.1.2.3", False)):
        assert allowed.allows(ip_address(address)) is is_allowed
        assert allowed.is_ours(ip_address(address)) is is_allowed
    assert not allowed.is_ours(ip_address("8.8.8.8"))
