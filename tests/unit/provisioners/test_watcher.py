"""The watcher: batches, failures, cancelled waits."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.watcher import Watcher

GONE = ContainerExit(cause=ExitCause.EXITED, reason="gone")
INTERVAL = timedelta(milliseconds=1)


class Machine:
    """Some containers, and a record of what was asked about them."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.asked: list[frozenset[str]] = []
        self.failures: list[BaseException] = []
        self.poison = ""
        self.was_asked = asyncio.Event()

    async def describe(self, containers: frozenset[str]) -> Mapping[str, ContainerExit]:
        self.asked.append(containers)
        self.was_asked.set()
        if self.failures:
            raise self.failures.pop(0)
        if self.poison in containers:
            raise ZeroDivisionError
        return dict.fromkeys(containers & self.gone, GONE)

    def watcher(self, batch_size: int = 100, interval: timedelta = INTERVAL) -> Watcher:
        return Watcher(self.describe, interval=lambda _count: interval, batch_size=batch_size)


async def test_many_waits_few_questions() -> None:
    machine = Machine()
    watcher = machine.watcher(batch_size=100)
    waits = [asyncio.create_task(watcher.wait_for_exit(f"w{number % 250}")) for number in range(500)]
    await machine.was_asked.wait()
    machine.gone = {f"w{number}" for number in range(250)}
    assert await asyncio.gather(*waits) == [GONE] * 500
    assert max(len(batch) for batch in machine.asked) == 100
    assert frozenset.union(*machine.asked[:3]) == machine.gone


async def test_it_goes_on_after_failures_that_pass() -> None:
    machine = Machine()
    machine.failures = [Unavailable(), Unavailable("throttled")]
    machine.gone = {"w"}
    assert await machine.watcher().wait_for_exit("w") == GONE
    assert len(machine.asked) == 3


async def test_a_defect_reaches_whoever_waits_for_what_it_is_raised_for_and_nobody_else() -> None:
    machine = Machine()
    machine.poison = "w7"
    watcher = machine.watcher()
    waits = [asyncio.create_task(watcher.wait_for_exit(f"w{number}")) for number in range(20)]
    with pytest.raises(ZeroDivisionError):
        await waits.pop(7)
    assert not any(wait.done() for wait in waits)
    machine.gone = {f"w{number}" for number in range(20)}
    assert await asyncio.gather(*waits) == [GONE] * 19
    machine.poison = ""
    assert await watcher.wait_for_exit("w7") == GONE


async def test_whoever_waits_for_a_watcher_that_ends_is_told() -> None:
    machine = Machine()
    machine.failures = [asyncio.CancelledError()]  # of something within, that lets it pass
    watcher = machine.watcher()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await watcher.wait_for_exit("w")
        machine.gone = {"w"}
        assert await watcher.wait_for_exit("w") == GONE


async def test_a_look_that_hangs_is_given_up_and_taken_again() -> None:
    machine = Machine()
    machine.gone = {"w"}
    hangs = iter((60.0,))

    async def describe(containers: frozenset[str]) -> Mapping[str, ContainerExit]:
        await asyncio.sleep(next(hangs, 0.0))
        return await machine.describe(containers)

    watcher = Watcher(describe, interval=lambda _: INTERVAL, batch_size=100, poll_limit=timedelta(seconds=0.05))
    async with asyncio.timeout(10):
        assert await watcher.wait_for_exit("w") == GONE


async def test_a_cancelled_wait_leaves_the_others_and_nobody_waiting_means_nobody_asks() -> None:
    machine = Machine()
    watcher = machine.watcher()
    one, other = asyncio.create_task(watcher.wait_for_exit("w")), asyncio.create_task(watcher.wait_for_exit("w"))
    await machine.was_asked.wait()
    one.cancel()
    machine.gone = {"w"}
    assert await other == GONE
    assert one.cancelled()
    asked = len(machine.asked)
    await asyncio.sleep(20 * INTERVAL.total_seconds())  # nothing is to happen
    assert len(machine.asked) == asked


async def test_what_is_about_to_end_is_looked_at_between_the_rounds() -> None:
    machine = Machine()
    watcher = machine.watcher(interval=timedelta(hours=1))
    waits = {name: asyncio.create_task(watcher.wait_for_exit(name)) for name in ("a", "b", "c")}
    await machine.was_asked.wait()
    while frozenset().union(*machine.asked) != {"a", "b", "c"}:
        await asyncio.sleep(0.01)  # each is looked at once when its wait begins
    machine.gone = {"b"}
    watcher.check_soon("b")
    assert await waits["b"] == GONE
    assert not waits["a"].done()
    assert not waits["c"].done()
    for wait in waits.values():
        wait.cancel()


async def test_looks_between_the_rounds_become_rarer_and_end() -> None:
    machine = Machine()
    watcher = machine.watcher(interval=timedelta(seconds=1))
    waiting = asyncio.create_task(watcher.wait_for_exit("w"))
    await machine.was_asked.wait()
    asked = len(machine.asked)
    watcher.check_soon("w")
    await asyncio.sleep(1.9)  # 0.25 and 0.5 seconds after the hint, and the round after one second
    assert 2 <= len(machine.asked) - asked <= 4
    waiting.cancel()


async def test_an_interval_that_becomes_shorter_counts_at_once() -> None:
    machine = Machine()
    interval = timedelta(hours=1)
    watcher = Watcher(machine.describe, interval=lambda _: interval, batch_size=100)
    waiting = asyncio.create_task(watcher.wait_for_exit("w"))
    await machine.was_asked.wait()
    machine.gone = {"w"}
    interval = INTERVAL
    watcher.reconsider()
    async with asyncio.timeout(5):
        assert await waiting == GONE


async def test_hints_for_nobody_do_nothing() -> None:
    machine = Machine()
    machine.watcher().check_soon("w")
    assert machine.asked == []
