"""A rolling restart, as whoever deploys a new release makes it: one process after the other, by SIGTERM."""

import asyncio

from control_plane_server.cli.stack.readiness import wait_until_api_answers
from tests.chaos.servers import ServerVictim
from tests.chaos.stack import ChaosStack

_LOOK_SECONDS = 0.02


async def restart_all(stack: ChaosStack, **environment: str) -> None:
    """Each `api` and each `loop`, the next one when the one before serves again, with changes of the environment."""
    for api, url in zip(stack.apis, stack.api_urls, strict=True):
        await _replace(api, environment)
        await wait_until_api_answers(url)
    for loop in stack.loops:
        runs = _runs(loop)
        await _replace(loop, environment)
        while _runs(loop) == runs:
            await asyncio.sleep(_LOOK_SECONDS)


async def _replace(server: ServerVictim, environment: dict[str, str]) -> None:
    server.environment.update(environment)
    pid = server.pid()
    assert server.terminate(downtime=0.0)
    while server.pid() in (pid, None):
        await asyncio.sleep(_LOOK_SECONDS)


def _runs(loop: ServerVictim) -> int:
    return loop.log.read_text().count("loop_runs")
