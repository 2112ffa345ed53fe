"""Server-sent events as a client reads them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from tests.api.builders import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSent:
    name: str
    data: Json
    id: str


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[ServerSent]:
    """Events that are whole: what a stream that breaks off has begun is none."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and "event" in fields:
            yield ServerSent(name=fields["event"], data=json.loads(fields["data"]), id=fields["id"])
        if not line:
            fields = {}


@asynccontextmanager
async def followed(
    client: httpx2.AsyncClient, invocation: str, *, after: str | None = None, **params: str
) -> AsyncIterator[AsyncIterator[ServerSent]]:
    """The events of the invocation at this path, as they come."""
    headers = {} if after is None else {"Last-Event-ID": after}
    async with client.stream("GET", f"{invocation}/events", params=params, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield parsed(response.aiter_lines())


async def events_of(
    client: httpx2.AsyncClient, invocation: str, *, after: str | None = None, **params: str
) -> list[ServerSent]:
    """All up to the end of the stream."""
    async with followed(client, invocation, after=after, **params) as events:
        return [event async for event in events]
