"""What an execution's token may take of a process at once; others and root keys are not touched by it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from api.app import create_app, describe_app
from api.keyed_routes import KeyedRoute
from api.services import Services
from api.shares import Pace, ShareLimits, Shares
from catalog.database import Database
from domain.errors import TooManyRequests, TooManyStreams
from domain.execution_tokens import execution_token
from domain.identifiers import ExecutionId
from tests.api.builders import ROOT_KEYS, STARTED, add_execution, bearer, deploy, execution_id_of, invoke

ONE, OTHER = ExecutionId("exe-1"), ExecutionId("exe-2")
QUICK = ShareLimits(
    requests_at_once=2,
    requests_in_line=3,
    longest_wait=timedelta(seconds=0.1),
    streams=1,
    polls=1,
    reports_per_second=20,
    report_burst_seconds=0.05,
)


class Request:
    """One that is under way until it is told to end."""

    def __init__(self, shares: Shares, execution_id: ExecutionId) -> None:
        self.has_begun = asyncio.Event()
        self._may_end = asyncio.Event()
        self._task = asyncio.create_task(self._run(shares, execution_id))

    async def _run(self, shares: Shares, execution_id: ExecutionId) -> None:
        async with shares.turn(execution_id):
            self.has_begun.set()
            await self._may_end.wait()

    async def end(self) -> None:
        self._may_end.set()
        await self._task

    async def go_away(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_requests_beyond_the_share_wait_for_their_turn_in_order() -> None:
    shares = Shares(replace(QUICK, longest_wait=timedelta(seconds=30)))
    first, second, third, fourth, fifth = (Request(shares, ONE) for _ in range(5))
    await second.has_begun.wait()
    other = Request(shares, OTHER)
    await other.has_begun.wait()
    assert not third.has_begun.is_set()
    await third.go_away()
    await first.end()
    await fourth.has_begun.wait()
    assert not fifth.has_begun.is_set()
    await second.end()
    await fifth.has_begun.wait()
    for request in (fourth, fifth, other):
        await request.end()
    assert len(shares) == 0, "nothing is kept of whoever has gone"


async def test_who_waits_in_vain_or_finds_a_long_line_is_refused() -> None:
    shares = Shares(QUICK)
    under_way = [Request(shares, ONE) for _ in range(2)]
    in_line = [Request(shares, ONE) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        async with shares.turn(ONE):
            pass
    for request in in_line:
        with pytest.raises(TooManyRequests):
            await request.end()
    for request in under_way:
        await request.end()
    async with shares.turn(ONE):
        pass


async def test_a_request_that_goes_away_as_its_turn_comes_passes_it_on() -> None:
    shares = Shares(replace(QUICK, requests_at_once=1))
    first, second = Request(shares, ONE), Request(shares, ONE)
    await first.has_begun.wait()
    ending = asyncio.create_task(first.end())
    await asyncio.sleep(0)
    await second.go_away()
    await ending
    async with shares.turn(ONE):
        pass


async def test_streams_and_polls_have_places_of_their_own() -> None:
    shares = Shares(replace(QUICK, requests_at_once=1))
    async with shares.turn(ONE) as stream:
        stream.become_stream()
        async with shares.turn(ONE) as poll, poll.waiting():
            async with shares.turn(ONE) as one_too_many:
                with pytest.raises(TooManyStreams):
                    one_too_many.become_stream()
            async with shares.turn(OTHER) as other:
                other.become_stream()
    async with shares.turn(ONE) as stream:
        stream.become_stream()
    assert len(shares) == 0


async def test_reports_are_paced_and_the_pace_forgotten_after_a_rest() -> None:
    shares = Shares(QUICK)
    clock = asyncio.get_running_loop().time
    began = clock()
    for _ in range(6):
        async with shares.turn(ONE) as turn:
            await turn.pace_report(1)
    assert clock() - began > 0.2
    assert len(shares) == 1
    while len(shares) > 0:
        await asyncio.sleep(0.01)


async def test_a_pace_takes_as_long_as_what_was_spent_but_for_the_burst() -> None:
    pace, clock = Pace(0.2), asyncio.get_running_loop().time
    began = clock()
    await asyncio.gather(*(pace.spend(0.1) for _ in range(4)))
    assert 0.15 < clock() - began < 2


@pytest.fixture
async def quick(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """Without a key; on an API with small shares."""
    app = create_app(replace(services, shares=Shares(QUICK)))
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


def test_every_route_but_those_on_health_knows_its_key_before_the_body() -> None:
    routes = [route for route in describe_app().router.routes if isinstance(route, KeyedRoute)]
    assert {route.path for route in routes if route.key is None} == {"/", "/health/ready"}
