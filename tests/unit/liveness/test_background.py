"""Tasks in the background are told of when they fail, and go on; they end when what they belong to ends."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from control_plane_server.liveness.background import in_background, keep_going

PAUSE = timedelta(milliseconds=1)


def failures(task: str) -> float:
    return REGISTRY.get_sample_value("control_plane_background_failures_total", {"task": task}) or 0.0


async def test_whatever_happens_to_it_it_is_told_and_runs_again() -> None:
    ends: list[BaseException | None] = [ZeroDivisionError("one"), asyncio.CancelledError(), None, KeyError("x")]
    goes_on, began = asyncio.Event(), failures("restless")

    async def work() -> None:
        if not ends:
            goes_on.set()
            await asyncio.Event().wait()
        end = ends.pop(0)
        if end is not None:
            raise end

    async with asyncio.timeout(10), in_background("restless", work, first_pause=PAUSE):
        await goes_on.wait()
    assert failures("restless") - began == 4


async def test_it_ends_with_its_context_and_is_not_told_of() -> None:
    began, is_over, count_before = asyncio.Event(), asyncio.Event(), failures("quiet")

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_over.set()

    async with in_background("quiet", work):
        await began.wait()
    assert is_over.is_set()
    assert failures("quiet") == count_before


async def test_a_cancellation_while_it_ends_is_not_swallowed() -> None:
    """Whoever leaves the context may be given up as well."""
    began = asyncio.Event()

    async def end_slowly() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)

    async def use() -> None:
        async with in_background("slow", end_slowly):
            await began.wait()

    using = asyncio.create_task(use())
    await began.wait()
    await asyncio.sleep(0.02)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using


async def test_it_is_tried_again_more_and_more_rarely() -> None:
    clock = asyncio.get_running_loop().time
    times: list[float] = []
    reported: list[BaseException] = []

    async def fail() -> None:
        times.append(clock())
        if len(times) == 5:
            await asyncio.Event().wait()
        raise ZeroDivisionError

    going = asyncio.create_task(
        keep_going("failing", fail, first_pause=timedelta(seconds=0.02), report=lambda _, error: reported.append(error))
    )
    while len(times) < 5:
        await asyncio.sleep(0.01)
    going.cancel()
    assert len(reported) == 4
    assert times[1] - times[0] >= 0.02
    assert times[4] - times[3] >= 0.16
