"""An activity beats while it gets on, and no longer: Temporal is to notice one that hangs."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane_server.domain.errors import Unavailable
from tests.activities.beats import INTERVAL, WITHIN, Beats, run
from tests.figures import Show


@pytest.fixture
def beats() -> Beats:
    return Beats()


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
    may_end, is_cancelled = asyncio.Event(), asyncio.Event()

    async def insist() -> None:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                is_cancelled.set()

    running = asyncio.create_task(run(beats, insist))
    async with asyncio.timeout(10):
        await is_cancelled.wait()
        before = beats.count
        await asyncio.sleep(5 * INTERVAL)
        assert beats.count == before
        may_end.set()
        await running


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
