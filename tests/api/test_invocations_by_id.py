"""An invocation is found by its id alone."""

import httpx2
import pytest

from tests.api.builders import deploy, invoke


async def test_it_is_found_whatever_its_version(client: httpx2.AsyncClient) -> None:
    invocation = await invoke(client, (await deploy(client)).invocations())
    await deploy(client)  # `latest` is another version now
    answer = await client.get(f"/invocations/{invocation.rsplit('/', 1)[1]}")
    assert answer.status_code == 200
    assert answer.json() == (await client.get(invocation)).json()


@pytest.mark.parametrize("invocation_id", ["inv-" + 32 * "0", "%00", "a%20b", "\u2603"])
async def test_what_is_not_there(client: httpx2.AsyncClient, invocation_id: str) -> None:
    answer = await client.get(f"/invocations/{invocation_id}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "An invocation with this ID does not exist for this function"}
