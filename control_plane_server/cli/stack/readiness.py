"""Waits until a server of the stack answers, or is gone."""

import asyncio
from collections.abc import Coroutine
from functools import partial

import httpx2

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.polling import poll_until
from control_plane_server.cli.stack.server import Server

_READY_WITHIN = 90.0  # a cold disk and two busy cores


async def wait_until_ready(server: Server, ready: Coroutine[None, None, None]) -> None:
    """Wait for `ready`. Raises StackError if the server ends before that, or takes too long."""
    answering = asyncio.create_task(ready)
    ended = asyncio.create_task(server.ended())
    try:
        done, _ = await asyncio.wait({answering, ended}, timeout=_READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if answering in done:
            return answering.result()
        if ended in done:
            raise server.failure(ended.result())
        raise StackError(f"the {server.name} server does not answer within {_READY_WITHIN:.0f} s; see {server.log}")
    finally:
        answering.cancel()
        ended.cancel()


async def wait_until_api_answers(api_url: str) -> None:
    """Until the API is healthy, and ready: it reaches the catalog and Temporal."""
    async with httpx2.AsyncClient(base_url=api_url, trust_env=False, timeout=5.0) as client:
        for path in ("/", "/health/ready"):
            await poll_until(partial(_is_ok, client, path))


async def _is_ok(client: httpx2.AsyncClient, path: str) -> bool:
    try:
        return (await client.get(path)).is_success
    except httpx2.TransportError:
        return False
