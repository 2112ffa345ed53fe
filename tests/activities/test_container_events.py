"""What the platform tells is passed on, whatever happens in between."""

import asyncio
from collections.abc import AsyncIterator

from prometheus_client import REGISTRY

from activities.container_events import relay_container_events
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import CONTAINERS_CHANNEL, NotificationListener


class Garbled:
    """Events of which the first cannot be understood."""

    def __init__(self) -> None:
        self._defects = [KeyError("detail")]

    async def receive(self) -> AsyncIterator[tuple[str, ...]]:
        if self._defects:
            raise self._defects.pop()
        yield ("container",)
        await asyncio.Event().wait()


async def test_a_failure_that_nobody_expected_is_counted_and_the_relay_goes_on(database: Database) -> None:
    sample = ("control_plane_background_failures_total", {"task": "container_events"})
    failures_before = REGISTRY.get_sample_value(*sample) or 0.0
    listener = NotificationListener(database.url, [CONTAINERS_CHANNEL])
    async with asyncio.timeout(30), listener, listener.subscribe((CONTAINERS_CHANNEL, "container")) as notified:
        await notified.wait()  # listening has begun
        notified.clear()
        async with relay_container_events(Garbled(), database):
            await notified.wait()
    assert REGISTRY.get_sample_value(*sample) == failures_before + 1
