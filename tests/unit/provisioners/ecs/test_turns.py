"""Whose turn it is at a slow bucket."""

import asyncio
import contextlib
from collections.abc import Coroutine

import pytest

from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.ecs.turns import Turns

PER_SECOND = 100


class Order:
    """Who had a turn, in order."""

    def __init__(self, *, burst: int = 1, reserve: int = 0, most_patient: int = 1_000) -> None:
        self.turns = Turns(burst=burst, per_second=PER_SECOND, reserve=reserve, most_patient=most_patient)
        self.served: list[str] = []

    async def take(self, name: str) -> None:
        await self.turns.take(name)
        self.served.append(name)

    async def take_when_idle(self) -> None:
        await self.turns.take_when_idle()
        self.served.append("patient")


def begun(*works: Coroutine[object, object, None]) -> "list[asyncio.Task[None]]":
    return [asyncio.ensure_future(work) for work in works]


async def test_whoever_has_had_the_fewest_is_next() -> None:
    order = Order()
    many = begun(*(order.take("many") for _ in range(12)))
    while len(order.served) < 5:
        await asyncio.sleep(0.001)
    few = begun(*(order.take("few") for _ in range(3)))
    await asyncio.gather(*few, *many)
    assert order.served.index("few") <= 6
    assert order.served.count("many") == 12
    first = order.served.index("few")
    assert order.served[first : first + 3] == ["few"] * 3, order.served


async def test_two_that_are_large_share() -> None:
    order = Order()
    await asyncio.gather(*(order.take(name) for name in ("a", "b") for _ in range(10)))
    assert abs(order.served[:10].count("a") - 5) <= 1, order.served


async def test_what_can_wait_goes_last_and_leaves_a_reserve() -> None:
    order = Order(burst=8, reserve=5)
    patient = begun(*(order.take_when_idle() for _ in range(6)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert order.served == ["patient"] * 3
    await asyncio.gather(*(order.take("deploy") for _ in range(9)))
    assert order.served[3:] == ["deploy"] * 9, order.served
    await asyncio.gather(*patient)
    assert order.served[12:] == ["patient"] * 3


async def test_the_pace_is_kept_after_the_burst() -> None:
    order = Order(burst=10)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(order.take("a") for _ in range(30)))
    assert asyncio.get_running_loop().time() - began >= 20 / PER_SECOND * 0.95


async def test_a_refusal_keeps_what_can_wait_back_until_the_reserve_is_there_again() -> None:
    order = Order(burst=20, reserve=10)
    order.turns.empty()
    began = asyncio.get_running_loop().time()
    await order.take_when_idle()
    assert asyncio.get_running_loop().time() - began >= 11 / PER_SECOND * 0.95


async def test_a_wait_that_is_cancelled_takes_no_turn_from_others() -> None:
    order = Order()
    await order.take("first")
    waiting = begun(*(order.take("cancelled") for _ in range(50)), *(order.take_when_idle() for _ in range(50)))
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(0.3):  # a hundred turns take a second
        await order.take_when_idle()
        await order.take("last")


async def test_only_so_many_may_wait_that_can_wait() -> None:
    order = Order(burst=1, reserve=0, most_patient=3)
    order.turns.empty()
    waiting = begun(*(order.take_when_idle() for _ in range(3)))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await order.take_when_idle()
    with contextlib.suppress(Unavailable):
        await asyncio.gather(*waiting)
    await order.take_when_idle()
