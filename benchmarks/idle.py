"""What everything uses while nothing runs: the same however much has ended."""

import asyncio

import psutil

from benchmarks.cpu import core_share
from benchmarks.figures import Row, Target
from benchmarks.sizes import ROUNDS, Sizes
from benchmarks.stack import Stack


async def idle(empty: Stack, many: Stack, sizes: Sizes) -> list[Row]:
    """Both at once: neither has anything to do."""
    await asyncio.sleep(5)
    await sizes.window_may_begin()
    windows = [
        await asyncio.gather(*(core_share(_servers(stack), seconds=sizes.window_seconds) for stack in (empty, many)))
        for _ in range(ROUNDS)
    ]
    return [
        Row(
            what=f"idle with {sizes.many_ended} ended: CPU of loop, api, database and Temporal",
            unit="of a core",
            figures=[loaded for _, loaded in windows],
            against_what="none ended",
            against=[unloaded for unloaded, _ in windows],
            target=Target(comparison="at most", bound=1.1),
        )
    ]


def _servers(stack: Stack) -> list[psutil.Process]:
    return [stack.processes[name] for name in ("loop", "api", "postgres", "temporal")]
