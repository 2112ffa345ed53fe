"""Windows of time in which processes are watched, each with one reconciliation in it, whichever minute it is."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from benchmarks.cpu import core_share
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack
from workflows.naming import RECONCILIATION_SCHEDULE_ID


async def core_shares(*stacks: Stack, names: Collection[str], sizes: Sizes) -> list[tuple[float, ...]]:
    """How much of a core these processes of each stack use: all stacks at once, a tuple a round.

    In life there is a reconciliation a minute; here there is one in every window, which is shorter.
    """
    await asyncio.sleep(5)  # what was just started has come to rest
    async with _paused_reconciliation(stacks):
        return [await _window(stacks, names, seconds=sizes.window_seconds) for _ in range(ROUNDS)]


async def _window(stacks: Collection[Stack], names: Collection[str], *, seconds: float) -> tuple[float, ...]:
    async def share(stack: Stack) -> float:
        await stack.temporal.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).trigger()
        return await core_share([stack.processes[name] for name in names], seconds=seconds)

    return tuple(await asyncio.gather(*map(share, stacks)))


@asynccontextmanager
async def _paused_reconciliation(stacks: Collection[Stack]) -> AsyncIterator[None]:
    handles = [stack.temporal.get_schedule_handle(RECONCILIATION_SCHEDULE_ID) for stack in stacks]
    for handle in handles:
        await handle.pause()
    try:
        yield
    finally:
        for handle in handles:
            await handle.unpause()
