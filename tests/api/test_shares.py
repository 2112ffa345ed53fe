"""What a request hears that is beyond the share of its execution's token."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from api.app import create_app
from api.services import Services
from api.shares import Shares
from control_plane_server.catalog.database import Database
from control_plane_server.domain.execution_tokens import execution_token
from tests.api.builders import ROOT_KEYS, STARTED, add_execution, bearer, deploy, execution_id_of, invoke
from tests.api.small_shares import SMALL_SHARES


@pytest.fixture
async def quick(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """Without a key; on an API with small shares."""
    app = create_app(replace(services, shares=Shares(SMALL_SHARES)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://api") as client:
        yield client


async def test_whoever_may_not_wait_is_told_what_to_do_and_root_keys_wait_as_they_like(
    quick: httpx2.AsyncClient, services: Services, client: httpx2.AsyncClient, database: Database
) -> None:
    invocation = await invoke(client, (await deploy(client)).invocations())
    token = execution_token(ROOT_KEYS[0], execution_id_of(await add_execution(database, invocation)))

    async def wait(key: str) -> httpx2.Response:
        return await quick.get(invocation, params={"wait_seconds": 30}, headers=bearer(key))

    polls = [asyncio.create_task(wait(key)) for key in (token, token, ROOT_KEYS[0], ROOT_KEYS[0])]
    done, waiting = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
    (refused,) = (poll.result() for poll in done)
    assert refused.status_code == 429
    assert refused.json() == {
        "detail": "This execution waits for as many invocations as it may: "
        "ask without wait_seconds, or try again later"
    }
    assert int(refused.headers["retry-after"]) > 0
    services.long_polls.stop()
    assert [(await poll).status_code for poll in waiting] == [200] * 3


async def test_progress_at_full_speed_is_answered_more_slowly_and_never_refused(
    quick: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database
) -> None:
    path = await add_execution(database, await invoke(client, (await deploy(client)).invocations()), STARTED)
    token = bearer(execution_token(ROOT_KEYS[0], execution_id_of(path)))
    clock = asyncio.get_running_loop().time
    began = clock()
    for number in range(10):
        answer = await quick.put(f"{path}/update", json={"latest_output": str(number)}, headers=token)
        assert (answer.status_code, answer.json()["output"]) == (200, str(number))
    assert clock() - began > 0.4
