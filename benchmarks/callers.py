"""What those cost an `api` process who ask for invocations again and again, or wait for them."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.containers import HOLD
from benchmarks.cpu import core_share
from benchmarks.figures import Row
from benchmarks.project import Project
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack

_CALLERS = 100
_POLL_SECONDS = 0.5


async def callers(stack: Stack, sizes: Sizes) -> list[Row]:
    """An error of any call ends the benchmark."""
    project = await Project.deployed(stack, HOLD)
    paths = await project.submit_all(itertools.repeat(HOLD, _CALLERS))
    seconds = round(max(2.0, sizes.window_seconds / 2))

    async def poll(path: str) -> None:
        while True:
            await asyncio.gather(stack.http.get(path), asyncio.sleep(_POLL_SECONDS))

    async def wait(path: str) -> None:
        while True:
            await stack.http.get(f"{path}?wait_seconds={seconds}")

    ways: dict[str, Callable[[str], Awaitable[None]]] = {
        f"that read every {_POLL_SECONDS:g} s": poll,
        "on event streams": project.follow,
        f"in long polls of {seconds} s": wait,
    }
    shares: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, call in ways.items():
            shares[way].append(await _share(stack, paths, call, seconds=seconds))
        await asyncio.sleep(seconds)  # polls that are given up are answered all the same
    for path in paths:
        await stack.http.put(f"{path}/cancel")
    await project.until_none_runs(HOLD)
    return [Row(what=f"{_CALLERS} callers {way}", unit="of a core", figures=figures) for way, figures in shares.items()]


async def _share(
    stack: Stack, paths: Sequence[str], call: Callable[[str], Awaitable[None]], *, seconds: float
) -> float:
    async with asyncio.TaskGroup() as tasks:
        calling = []
        for path in paths:
            calling.append(tasks.create_task(_forever(call, path)))
            await asyncio.sleep(_POLL_SECONDS / _CALLERS)  # not all in the same instant
        await asyncio.sleep(1)
        share = await core_share([stack.processes["api"]], seconds=seconds)
        for caller in calling:
            caller.cancel()
    return share


async def _forever(call: Callable[[str], Awaitable[None]], path: str) -> None:
    await call(path)
    raise RuntimeError(f"{path} was answered though it runs")
