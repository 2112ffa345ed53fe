"""Names are resolved once, and refused if any of their addresses leads inwards."""

import asyncio
import socket
from ipaddress import ip_address, ip_network

import pytest

from control_plane_server.webhooks.addresses import Address, AllowedAddresses
from control_plane_server.webhooks.targets import Resolver, TargetIsRefused, TargetIsUnknown, Targets
from control_plane_server.webhooks.urls import parse_url


def answers(*addresses: str) -> Resolver:
    async def resolve(name: str, port: int) -> tuple[Address, ...]:
        return tuple(map(ip_address, addresses))

    return resolve


def fails(number: int) -> Resolver:
    async def resolve(name: str, port: int) -> tuple[Address, ...]:
        raise socket.gaierror(number, "as it says")

    return resolve


async def _addresses(url: str, resolve: Resolver, *networks: str) -> list[str]:
    targets = Targets(AllowedAddresses([*map(ip_network, networks)]), resolve=resolve)
    return [str(address) for address in await targets.addresses(parse_url(url))]


async def test_all_addresses_of_a_public_name_are_given() -> None:
    both = ("8.8.8.8", "2606:4700::1111")
    assert await _addresses("https://a.example/", answers(*both)) == list(both)


@pytest.mark.parametrize("found", [("127.0.0.1",), ("8.8.8.8", "169.254.169.254"), ("::ffff:10.0.0.1", "8.8.8.8")])
async def test_one_address_that_leads_inwards_is_enough(found: tuple[str, ...]) -> None:
    with pytest.raises(TargetIsRefused, match=r"a\.example is .*CONTROL_PLANE_WEBHOOK_NETWORKS"):
        await _addresses("https://a.example/", answers(*found))


async def test_an_address_is_not_resolved() -> None:
    assert await _addresses("https://8.8.8.8/", answers("127.0.0.1")) == ["8.8.8.8"]
    with pytest.raises(TargetIsRefused, match=r"^10\.0\.0\.1, which is not a public address"):
        await _addresses("https://10.0.0.1/", answers("8.8.8.8"))


async def test_without_encryption_only_allowed_networks_are_reached() -> None:
    assert await _addresses("http://ci/", answers("10.0.0.7"), "10.0.0.0/8") == ["10.0.0.7"]
    with pytest.raises(TargetIsRefused, match=r"use https for a\.example"):
        await _addresses("http://a.example/", answers("8.8.8.8"), "10.0.0.0/8")


async def test_a_name_that_nobody_has_is_refused_and_one_that_cannot_be_asked_for_is_not() -> None:
    for resolve in (fails(socket.EAI_NONAME), answers()):
        with pytest.raises(TargetIsRefused, match=r"there is no host a\.example"):
            await _addresses("https://a.example/", resolve)
    with pytest.raises(TargetIsUnknown, match="as it says"):
        await _addresses("https://a.example/", fails(socket.EAI_AGAIN))


async def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(name: str, port: int) -> tuple[Address, ...]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("control_plane_server.webhooks.targets.RESOLUTION_LIMIT_SECONDS", 0.01)
    with pytest.raises(TargetIsUnknown, match="not resolved within"):
        await _addresses("https://a.example/", hang)
