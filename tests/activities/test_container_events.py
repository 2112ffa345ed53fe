"""What the platform tells is passed on, whatever happens in between, and it is known whether anything is heard."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from prometheus_client import REGISTRY

from activities.container_events import relay_container_events
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import CONTAINERS_CHANNEL, NotificationListener
from control_plane_server.domain.errors import Misconfigured


class Events:
    """`defects`: what becomes of receiving before there are events."""

    def __init__(self, defects: Sequence[Exception] = ()) -> None:
        self._defects = list(defects)
        self.is_refused = asyncio.Event()

    async def receive(self) -> AsyncIterator[tuple[str, ...]]:
        if self._defects:
            raise self._defects.pop()
        yield ("container",)
        await self.is_refused.wait()
        raise Misconfigured("sqs:ReceiveMessage")


class Ears:
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bool] = asyncio.Queue()

    def __call__(self, *, are_heard: bool) -> None:
        self.heard.put_nowait(are_heard)


async def test_a_failure_that_nobody_expected_is_counted_and_the_relay_goes_on(database: Database) -> None:
    sample = ("control_plane_background_failures_total", {"task": "container_events"})
    failures_before = REGISTRY.get_sample_value(*sample) or 0.0
    listener = NotificationListener(database.url, [CONTAINERS_CHANNEL])
    async with asyncio.timeout(30), listener, listener.subscribe((CONTAINERS_CHANNEL, "container")) as notified:
        await notified.wait()  # listening has begun
        notified.clear()
        async with relay_container_events(Events([KeyError("detail")]), database, heard=Ears()):
            await notified.wait()
    assert REGISTRY.get_sample_value(*sample) == failures_before + 1


async def test_events_are_heard_from_the_first_one_until_the_queue_refuses(database: Database) -> None:
    ears, events = Ears(), Events()
    async with asyncio.timeout(30), relay_container_events(events, database, heard=ears):
        assert await ears.heard.get()
        events.is_refused.set()
        assert not await ears.heard.get()


async def test_a_queue_that_was_never_read_is_not_relied_on(database: Database) -> None:
    ears = Ears()
    async with asyncio.timeout(30), relay_container_events(Events([Misconfigured("no")]), database, heard=ears):
        assert not await ears.heard.get()
