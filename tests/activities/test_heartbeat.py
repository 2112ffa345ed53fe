"""An activity beats while it gets on, and no longer: Temporal is to notice one that hangs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.heartbeat import keep_heartbeating
from catalog.database import Database
from domain.errors import Unavailable
from liveness.progress import note_progress
from tests.figures import Show

INTERVAL = 0.02
WITHIN = timedelta(seconds=0.2)


class Beats(ActivityEnvironment):
    """Counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.info = replace(self.info, heartbeat_timeout=timedelta(seconds=4 * INTERVAL))
        self.count = 0
        self.on_heartbeat = self._beat

    def _beat(self, *_: object) -> None:
        self.count += 1


@pytest.fixture
def beats() -> Beats:
    return Beats()


async def run(beats: Beats, body: Callable[[], Awaitable[None]], within: timedelta = WITHIN) -> None:
    async def activity() -> None:
        async with keep_heartbeating(within):
            await body()

    await beats.run(activity)


async def test_a_body_that_hangs_is_given_up(beats: Beats, show: Show) -> None:
    is_ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_ended.set()

    began = time.monotonic()
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="got on"):
            await run(beats, hang)
    show(f"hangs: given up after {time.monotonic() - began:.2f} s and {beats.count} beats")
    assert is_ended.is_set()  # it does not go on here, while another process tries again
    assert 0 < beats.count <= WITHIN.total_seconds() / INTERVAL


async def test_a_body_that_does_not_even_end_then_no_longer_beats(beats: Beats) -> None:
    may_end, is_told = asyncio.Event(), asyncio.Event()

    async def insist() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                is_told.set()

    running = asyncio.create_task(run(beats, insist))
    async with asyncio.timeout(10):
        await is_told.wait()
        before = beats.count
        await asyncio.sleep(5 * INTERVAL)
        assert beats.count == before
        may_end.set()
        await running


async def test_whoever_gets_on_beats_however_long_it_takes(beats: Beats, database: Database) -> None:
    async def note() -> None:
        note_progress()

    async def ask() -> None:
        async with database.statement() as connection:
            await connection.execute(text("SELECT 1"))

    for step in (note, ask):

        async def get_on(step: Callable[[], Coroutine[None, None, None]] = step) -> None:
            ends = time.monotonic() + 2 * WITHIN.total_seconds()
            while time.monotonic() < ends:
                await asyncio.create_task(step())  # in whichever task
                await asyncio.sleep(INTERVAL)

        await run(beats, get_on)
    assert beats.count > 4


async def test_what_a_release_asked_for_that_expected_no_beats_is_done_all_the_same(beats: Beats) -> None:
    beats.info = replace(beats.info, heartbeat_timeout=None)
    is_run = asyncio.Event()

    async def get_on() -> None:
        is_run.set()

    await run(beats, get_on)
    assert is_run.is_set()


async def test_a_timeout_of_its_own_is_no_standstill(beats: Beats) -> None:
    async def run_out_of_time() -> None:
        async with asyncio.timeout(INTERVAL):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await run(beats, run_out_of_time)


async def test_beats_that_fail_are_tried_again(beats: Beats) -> None:
    faults = iter((RuntimeError(),))
    is_beating = asyncio.Event()

    def fail_once(*_: object) -> None:
        for fault in faults:
            raise fault
        is_beating.set()

    beats.on_heartbeat = fail_once
    async with asyncio.timeout(10):
        await run(beats, lambda: _wait(is_beating), timedelta(seconds=5))


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
