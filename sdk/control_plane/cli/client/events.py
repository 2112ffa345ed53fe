"""An invocation's events as they happen, across every break of the connection."""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from control_plane.cli.client.references import InvocationPath
from control_plane.cli.client.transport import Transport

_SILENCE_SECONDS = 45.0  # keep-alive comments come every 15
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0
_PATIENCE = 600.0  # an API that is away for longer will not come back for this invocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`name`: state, progress, log or end. `cursor`: where a reader goes on after it."""

    name: str
    cursor: str
    data: dict[str, Any]

    def document(self) -> dict[str, Any]:
        return {"event": self.name, "id": self.cursor, "data": self.data}


async def follow(
    transport: Transport, path: InvocationPath, *, with_logs: bool, report: Callable[[str], None]
) -> AsyncGenerator[Event, None]:
    """Up to `end`. Nothing is missed and nothing comes twice when the connection breaks; `report` is told of it.

    Raises the errors of `control_plane.cli.client.errors`.
    """
    query = {"logs": "true" if with_logs else "false"}
    last_id: str | None = None
    delay = _FIRST_DELAY
    heard_at = time.monotonic()
    is_lost = False
    while True:
        trouble: httpx2.TransportError = httpx2.ReadError("the server closed the connection")
        try:
            async with transport.events(
                f"{path}/events", query=query, last_event_id=last_id, silence_seconds=_SILENCE_SECONDS
            ) as source:
                if is_lost:
                    report("Connected again.")
                is_lost = False
                heard_at = time.monotonic()
                async for message in source:
                    delay = _FIRST_DELAY
                    if not message.data:  # it says only when to connect again, which we decide ourselves
                        continue
                    last_id = message.id or last_id
                    yield Event(name=message.event, cursor=message.id, data=json.loads(message.data))
                    if message.event == "end":
                        return
                heard_at = time.monotonic()
        except httpx2.TransportError as error:
            trouble = error
        if time.monotonic() > heard_at + _PATIENCE:
            raise transport.no_answer(trouble) from trouble
        if not is_lost:
            report(f"Lost the connection ({trouble}); the invocation goes on, connecting again …")
        is_lost = True
        await asyncio.sleep(delay * random.uniform(0.5, 1))
        delay = min(2 * delay, _LONGEST_DELAY)
