"""The watcher: batches, failures, cancelled waits."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from domain.errors import Unavailable
from domain.workers import ExitCause, WorkerExit
from provisioners.watcher import Watcher

GONE = WorkerExit(cause=ExitCause.EXITED, reason="gone")
INTERVAL = timedelta(milliseconds=1)


class Machine:
    """Some workers, and a record of what was asked about them."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.asked: list[frozenset[str]] = []
        self.failures: list[Exception] = []
        self.was_asked = asyncio.Event()

    async def describe(self, workers: frozenset[str]) -> Mapping[str, WorkerExit]:
        self.asked.append(workers)
        self.was_asked.set()
        if self.failures:
            raise self.failures.pop(0)
        return dict.fromkeys(workers & self.gone, GONE)

    def watcher(self, batch_size: int = 100, interval: timedelta = INTERVAL) -> Watcher:
        return Watcher(self.describe, interval=lambda _count: interval, batch_size=batch_size)


async def test_many_waits_few_questions() -> None:
    machine = Machine()
    watcher = machine.watcher(batch_size=100)
    waits = [asyncio.create_task(watcher.stopped(f"w{number % 250}")) for number in range(500)]
    await machine.was_asked.wait()
    machine.gone = {f"w{number}" for number in range(250)}
    assert await asyncio.gather(*waits) == [GONE] * 500
    assert max(len(batch) for batch in machine.asked) == 100
    assert frozenset.union(*machine.asked[:3]) == machine.gone


async def test_it_goes_on_after_failures_that_pass() -> None:
    machine = Machine()
    machine.failures = [Unavailable(), Unavailable("throttled")]
    machine.gone = {"w"}
    assert await machine.watcher().stopped("w") == GONE
    assert len(machine.asked) == 3


async def test_a_defect_reaches_everyone_who_waits_and_the_next_wait_works() -> None:
    machine = Machine()
    machine.failures = [ZeroDivisionError()]
    watcher = machine.watcher()
    waits = await asyncio.gather(watcher.stopped("a"), watcher.stopped("b"), return_exceptions=True)
    assert [type(wait) for wait in waits] == [ZeroDivisionError] * 2
    machine.gone = {"a"}
    assert await watcher.stopped("a") == GONE


async def test_a_cancelled_wait_leaves_the_others_and_nobody_waiting_means_nobody_asks() -> None:
    machine = Machine()
    watcher = machine.watcher()
    one, other = asyncio.create_task(watcher.stopped("w")), asyncio.create_task(watcher.stopped("w"))
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
    waits = {name: asyncio.create_task(watcher.stopped(name)) for name in ("a", "b", "c")}
    await machine.was_asked.wait()
    while frozenset().union(*machine.asked) != {"a", "b", "c"}:
        await asyncio.sleep(0.01)  # each is looked at once when its wait begins
    machine.gone = {"b"}
    watcher.look_soon("b")
    assert await waits["b"] == GONE
    assert not waits["a"].done()
    assert not waits["c"].done()
    for wait in waits.values():
        wait.cancel()


async def test_looks_between_the_rounds_become_rarer_and_end() -> None:
    machine = Machine()
    watcher = machine.watcher(interval=timedelta(seconds=1))
    waiting = asyncio.create_task(watcher.stopped("w"))
    await machine.was_asked.wait()
    asked = len(machine.asked)
    watcher.look_soon("w")
    await asyncio.sleep(1.9)  # 0.25 and 0.5 seconds after the hint, and the round after one second
    assert 2 <= len(machine.asked) - asked <= 4
    waiting.cancel()


async def test_hints_for_nobody_do_nothing() -> None:
    machine = Machine()
    machine.watcher().look_soon("w")
    assert machine.asked == []
