"""What an execution's token may take of a process at once; others and root keys are not touched by it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from api.app import describe_app
from api.keyed_routes import KeyedRoute
from api.shares import Pace, Shares
from control_plane_server.domain.errors import TooManyRequests, TooManyStreams
from control_plane_server.domain.identifiers import ExecutionId
from tests.api.small_shares import SMALL_SHARES

ONE, OTHER = ExecutionId("exe-1"), ExecutionId("exe-2")


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
    shares = Shares(replace(SMALL_SHARES, longest_wait=timedelta(seconds=30)))
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
    shares = Shares(SMALL_SHARES)
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
    shares = Shares(replace(SMALL_SHARES, requests_at_once=1))
    first, second = Request(shares, ONE), Request(shares, ONE)
    await first.has_begun.wait()
    ending = asyncio.create_task(first.end())
    await asyncio.sleep(0)
    await second.go_away()
    await ending
    async with shares.turn(ONE):
        pass


async def test_streams_and_polls_have_places_of_their_own() -> None:
    shares = Shares(replace(SMALL_SHARES, requests_at_once=1))
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
    shares = Shares(SMALL_SHARES)
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


def test_every_route_but_those_on_health_knows_its_key_before_the_body() -> None:
    routes = [route for route in describe_app().router.routes if isinstance(route, KeyedRoute)]
    assert {route.path for route in routes if route.key is None} == {"/", "/health/ready"}
