"""Whatever breaks between a client and its server: every result comes, and comes once."""

import asyncio
import socket
from contextlib import aclosing
from urllib.parse import urlsplit

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess

from tests.proxy import Proxy, proxy_of_port


def _through(proxy: Proxy, access: StackAccess) -> cp.AsyncClient:
    return cp.AsyncClient(f"http://127.0.0.1:{proxy.port}", access.api_key)


def _port(access: StackAccess) -> int:
    port = urlsplit(access.api_url).port
    assert port is not None
    return port


async def test_results_of_a_map_survive_lost_connections(access: StackAccess, project: str) -> None:
    async with proxy_of_port(_port(access)) as proxy, _through(proxy, access) as client:
        found = []
        async with aclosing(client.function(project, "double").map(range(12), ordered=False)) as results:  # type: ignore[type-var]
            async for result in results:
                found.append(result)
                if len(found) % 4 == 0:
                    await _reset(proxy)
        assert sorted(found) == [2 * number for number in range(12)]
        assert proxy.connections >= 3


async def test_a_submit_whose_answer_is_lost_is_made_once(access: StackAccess, project: str) -> None:
    async with proxy_of_port(_port(access)) as proxy, _through(proxy, access) as client:
        double = client.function(project, "double")
        await double.submit(0)
        before = len([found async for found in client.invocations(project)])
        proxy.fall_silent()
        submitting = asyncio.ensure_future(double.submit(21))
        await _reset(proxy)
        proxy.speak()
        assert await (await submitting).result(timeout=60) == 42
        assert len([found async for found in client.invocations(project)]) == before + 1


async def test_a_server_that_stays_away(project: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        client = cp.AsyncClient(address, "key", timeout=0.3)
        with pytest.raises(cp.Unreachable, match=r"does not answer: .*; is it running\?"):
            await client.projects()


async def _reset(proxy: Proxy) -> None:
    """Every connection of now breaks, for both sides."""
    links = dict(proxy._links)
    for link, carrying in links.items():
        link.passes.set()
        carrying.cancel()
    await asyncio.gather(*links.values(), return_exceptions=True)
