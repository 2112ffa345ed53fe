"""Background tasks that are restarted whenever they end or fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from control_plane_server.liveness.failures import expect_failures, report_failure

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)
_STEADY_AFTER = timedelta(minutes=1)  # a task that ran for so long is restarted after the first pause again


@asynccontextmanager
async def in_background(
    name: str, work: Callable[[], Awaitable[None]], *, first_pause: timedelta = _FIRST_PAUSE
) -> AsyncIterator[None]:
    """`keep_going` as a task while the context is open; leaving the context cancels the task and waits for it.

    `name`: one of few, as it is a label of a metric.
    """
    expect_failures(name)
    task = asyncio.create_task(keep_going(name, work, first_pause=first_pause), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))  # raises nothing of the task's, and lets a cancellation of our own pass


async def keep_going(
    name: str,
    work: Callable[[], Awaitable[None]],
    *,
    first_pause: timedelta = _FIRST_PAUSE,
    report: Callable[[str, BaseException], None] = report_failure,
) -> None:
    """Run `work`, which should never end, until cancelled. Whenever it ends or fails, `report` is called with its name
    and the failure, and `work` is run again after a pause, which doubles from `first_pause` to 30 s while it keeps
    failing."""
    clock = asyncio.get_running_loop().time
    pause = first_pause
    while True:
        began = clock()
        failure = await _failure_of(work)
        if clock() - began > _STEADY_AFTER.total_seconds():
            pause = first_pause
        report(name, failure)
        await asyncio.sleep(pause.total_seconds())
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _failure_of(work: Callable[[], Awaitable[None]]) -> BaseException:
    try:
        await work()
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        return error  # a task that `work` waited for was cancelled, not this one
    except Exception as error:
        return error
    return RuntimeError("it has ended, and never should")


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
