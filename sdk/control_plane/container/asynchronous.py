"""Runs asynchronous functions and generators. They learn of SIGTERM as asyncio has it: their task is cancelled.

Tasks that they leave running are cancelled and awaited as with `asyncio.run`, but when Python ends: that may take for
ever, and the outcome is reported before.
"""

from __future__ import annotations

import asyncio
import atexit
from types import AsyncGeneratorType, CoroutineType
from typing import Any, List

from control_plane.container.progress import Progress
from control_plane.container.reports import as_progress
from control_plane.container.termination import Termination

_left: List[asyncio.AbstractEventLoop] = []


def run(
    value: CoroutineType[Any, Any, Any] | AsyncGeneratorType[Any, None],
    *,
    termination: Termination,
    progress: Progress,
) -> Any:
    """What the coroutine returns; None for a generator. Raises Stopped if a stop got through."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    _left.append(loop)
    try:
        return loop.run_until_complete(_run(value, termination, progress))
    except asyncio.CancelledError:
        if termination.is_requested:
            raise termination.interruption() from None
        raise


async def _run(
    value: CoroutineType[Any, Any, Any] | AsyncGeneratorType[Any, None], termination: Termination, progress: Progress
) -> Any:
    task = asyncio.ensure_future(_exhaust(value, progress))
    loop = asyncio.get_running_loop()

    def cancel() -> None:  # wakes the loop, which a signal handler alone does not
        loop.call_soon_threadsafe(task.cancel)

    with termination.delivery(cancel):
        return await task


async def _exhaust(value: CoroutineType[Any, Any, Any] | AsyncGeneratorType[Any, None], progress: Progress) -> Any:
    if isinstance(value, CoroutineType):
        return await value
    async for item in value:
        progress.report(as_progress(item))
    return None


@atexit.register
def close_left() -> None:
    """What executions have left, now: of a process that goes on."""
    while _left:
        _close(_left.pop())


def _close(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
