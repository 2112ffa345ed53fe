"""Waits for what cannot be awaited: another process's state."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

_INTERVAL = timedelta(seconds=0.05)


async def poll_until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Ask until the answer is yes. Callers set the limit."""
    while True:
        if await is_so():
            return
        await asyncio.sleep(_INTERVAL.total_seconds())
