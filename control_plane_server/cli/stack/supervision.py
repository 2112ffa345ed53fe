"""Keeps the servers of a running stack running."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.server import Server
from control_plane_server.liveness.background import keep_going

Report = Callable[[str], None]

_FIRST_DELAY = timedelta(seconds=1)
_LAST_DELAY = timedelta(seconds=30)
_STEADY_AFTER = timedelta(minutes=1)  # a server that ran so long has earned a quick restart
_LOOK_EVERY = timedelta(seconds=2)


async def supervise(name: str, keep: Callable[[Report], Awaitable[None]], report: Report) -> None:
    """Go on keeping a server, whatever it is that fails, and say so as far as anybody listens. Runs until cancelled."""

    def tell(line: str) -> None:
        with suppress(OSError):  # the terminal is gone
            report(line)

    await keep_going(
        name, partial(keep, tell), report=lambda _, error: tell(f"keeping {name} running failed: {error!r}")
    )


async def keep_server_running(server: Server, report: Report) -> None:
    """Start the server again whenever it ends, slower and slower while it keeps ending. Runs until cancelled."""
    clock = asyncio.get_running_loop().time
    delay = _FIRST_DELAY
    while True:
        started = clock()
        exit_code = await server.ended()
        if clock() - started > _STEADY_AFTER.total_seconds():
            delay = _FIRST_DELAY
        report(f"{server.failure(exit_code)}; starting it again in {delay.total_seconds():.0f} s")
        await asyncio.sleep(delay.total_seconds())
        await server.start()
        delay = min(2 * delay, _LAST_DELAY)


async def keep_postgres_running(postgres: EmbeddedPostgres, report: Report) -> None:
    """The same for PostgreSQL, which is no child of ours and has to be looked at. Runs until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
        if postgres.is_running():
            continue
        report("PostgreSQL is gone; starting it again")
        try:
            await postgres.start()
        except StackError as error:
            report(str(error))
