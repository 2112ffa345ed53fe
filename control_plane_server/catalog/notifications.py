"""PostgreSQL notifications, received on one connection per process and passed on to its subscribers.

Source: PostgreSQL documentation, "NOTIFY".
"""

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

import asyncpg
import structlog
from sqlalchemy import ARRAY, URL, Text, func, literal, select

from control_plane_server.catalog.connecting import Connection, connect
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.liveness.background import in_background

# A change that others wait for is notified by the statement that writes it.
# Payload: an execution's id. Its container has reported an outcome, must stop, or has let go of it, which is added as
# words.
EXECUTIONS_CHANNEL = "executions"
CONTAINERS_CHANNEL = "workers"  # payload: a container's identifier. The platform says that it is gone
INVOCATIONS_CHANNEL = (
    "invocations"  # payload: an invocation's id. One of its executions has an outcome, or it has ended
)
WARM_CONTAINERS_CHANNEL = (
    "warm_containers"  # payload: an id. It has a lease, which is added as words, or its execution or itself must end
)
WEBHOOKS_CHANNEL = "webhooks"  # payload: none. Deliveries were noted
PAUSES_CHANNEL = "pauses"  # payload: none. A function or a project was paused, perhaps until a time, or resumed

_RECONNECT_PAUSE = timedelta(seconds=1)
# A connection on which nothing arrives may be idle or dead.
_CHECK_INTERVAL = timedelta(seconds=5)
_PATIENCE = timedelta(seconds=5)

logger = structlog.get_logger(__name__)


class _Wakeable(Protocol):
    def set(self) -> None: ...

    def hear(self, words: str) -> None: ...


class Notified(asyncio.Event):
    """Set by notifications. `words`: what the newest of them said beside its payload; None: nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.words: str | None = None

    def hear(self, words: str) -> None:
        self.words = words or None
        self.set()

    def clear(self) -> None:
        self.words = None
        super().clear()


class Arrivals:
    """Which payloads were notified since they were taken last."""

    def __init__(self) -> None:
        self._payloads: set[str] = set()
        self._has_some = asyncio.Event()

    def add(self, payload: str) -> None:
        self._payloads.add(payload)
        self._has_some.set()

    def take(self) -> set[str]:
        """Those that were notified, each once."""
        self._has_some.clear()
        taken, self._payloads = self._payloads, set()
        return taken

    async def wait(self) -> None:
        """Until there are some."""
        await self._has_some.wait()


class _Marker:
    """A subscriber to one payload."""

    def __init__(self, arrivals: Arrivals, payload: str) -> None:
        self._arrivals = arrivals
        self._payload = payload

    def set(self) -> None:
        self._arrivals.add(self._payload)

    def hear(self, _words: str) -> None:
        self.set()


class NotificationListener:
    """Listens while it is entered, and reconnects by itself.

    A notification is only a hint: what is sent while the connection is down is lost. So every subscriber is woken when
    the connection is up again, and should read the catalog from time to time. The connection is checked by
    notifications to itself, `check_interval` apart, each of which has to arrive within `patience`.
    """

    def __init__(
        self,
        url: URL,
        channels: Collection[str],
        *,
        check_interval: timedelta = _CHECK_INTERVAL,
        patience: timedelta = _PATIENCE,
    ) -> None:
        self._url = url
        self._channels = channels
        self._check_interval = check_interval
        self._patience = patience
        self._own_channel = f"listener_{uuid.uuid4().hex}"
        self._waiting: defaultdict[tuple[str, str], set[_Wakeable]] = defaultdict(set)
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._running.enter_async_context(in_background("notification listener", self._listen_for_ever))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    @asynccontextmanager
    async def subscribe(self, *topics: tuple[str, str]) -> AsyncIterator[Notified]:
        """An event that is set whenever one of the topics is notified. A topic is a channel and a payload, which words
        may follow after a space. The subscriber clears the event."""
        event = Notified()
        for topic in topics:
            self._waiting[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._waiting[topic].discard(event)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    @asynccontextmanager
    async def collect(self, channel: str, payloads: Collection[str]) -> AsyncIterator["Arrivals"]:
        """As `subscribe`, for very many payloads of a channel: which of them were notified."""
        arrivals = Arrivals()
        markers = {payload: _Marker(arrivals, payload) for payload in payloads}
        for payload, marker in markers.items():
            self._waiting[channel, payload].add(marker)
        try:
            yield arrivals
        finally:
            for payload, marker in markers.items():
                self._waiting[channel, payload].discard(marker)
                if not self._waiting[channel, payload]:
                    del self._waiting[channel, payload]

    def wake_all(self) -> None:
        """Set the events of all subscribers, as if each topic had been notified."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.warning(
                    "cannot_listen", reason=str(error) or "no answer", retry_seconds=_RECONNECT_PAUSE.total_seconds()
                )
            await asyncio.sleep(_RECONNECT_PAUSE.total_seconds())

    async def _listen_until_lost(self) -> None:
        """Raises OSError, asyncpg.PostgresError, asyncpg.InterfaceError."""
        connection = await connect(self._url, name="control-plane notifications", statement_limit=self._patience)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._hand_out)
            arrived = asyncio.Event()
            await connection.add_listener(self._own_channel, lambda *_: arrived.set())
            self.wake_all()
            while not await _is_set_within(self._check_interval, lost):
                await self._check(connection, arrived)
        finally:
            connection.terminate()

    async def _check(self, connection: Connection, arrived: asyncio.Event) -> None:
        arrived.clear()
        await connection.execute(f"NOTIFY {self._own_channel}")
        if not await _is_set_within(self._patience, arrived):
            raise TimeoutError("what is notified does not arrive")

    def _hand_out(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        topic, _, words = str(payload).partition(" ")
        for event in self._waiting.get((channel, topic), ()):
            event.hear(words)


async def notify_containers(connection: StatementConnection, identifiers: Collection[str]) -> None:
    """Notify all processes that these containers are gone."""
    await connection.execute(
        select(func.pg_notify(CONTAINERS_CHANNEL, func.unnest(literal(list(identifiers), ARRAY(Text)))))
    )


async def _is_set_within(time: timedelta, event: asyncio.Event) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(time.total_seconds()):
            await event.wait()
    return event.is_set()
