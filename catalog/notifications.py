"""Postgres notifications, received on one connection per process and handed to whoever waits for them here."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Self

import asyncpg
import structlog
from sqlalchemy import ARRAY, URL, Text, func, literal, select

from catalog.database import StatementConnection

# Whoever writes a change that others wait for notifies it in the same statement.
EXECUTIONS_CHANNEL = "executions"  # payload: an execution's id. Its container has reported an outcome, or must stop
WORKERS_CHANNEL = "workers"  # payload: a worker's identifier. The platform says that it is gone
INVOCATIONS_CHANNEL = (
    "invocations"  # payload: an invocation's id. One of its executions has an outcome, or it has ended
)

_CONNECT_TIMEOUT = timedelta(seconds=5)
_RECONNECT_PAUSE = timedelta(seconds=1)

logger = structlog.get_logger(__name__)


class NotificationListener:
    """Listens while it is entered, and reconnects by itself.

    A notification is a hint, never the truth: what is sent while the connection is down is lost. So every waiter is
    woken when it is up again, and should look for itself from time to time.
    """

    def __init__(self, url: URL, channels: Collection[str]) -> None:
        self._url = url
        self._channels = channels
        self._waiting: defaultdict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen_for_ever(), name="notification listener")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @asynccontextmanager
    async def subscribe(self, *topics: tuple[str, str]) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever one of the topics, each a channel and a payload, is notified; whoever waits
        clears it."""
        event = asyncio.Event()
        for topic in topics:
            self._waiting[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._waiting[topic].discard(event)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    def wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()

    async def _listen_for_ever(self) -> None:
        while True:
            try:
                await self._listen_until_lost()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                logger.warning("cannot_listen", reason=str(error), retry_seconds=_RECONNECT_PAUSE.total_seconds())
            await asyncio.sleep(_RECONNECT_PAUSE.total_seconds())

    async def _listen_until_lost(self) -> None:
        connection = await _connect(self._url)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._hand_out)
            self.wake_all()
            await lost.wait()
        finally:
            connection.terminate()

    def _hand_out(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        for event in self._waiting.get((channel, str(payload)), ()):
            event.set()


async def notify_workers(connection: StatementConnection, identifiers: Collection[str]) -> None:
    """Tell every process that these workers are gone."""
    await connection.execute(
        select(func.pg_notify(WORKERS_CHANNEL, func.unnest(literal(list(identifiers), ARRAY(Text)))))
    )


async def _connect(url: URL) -> "asyncpg.Connection[asyncpg.Record]":
    # The folder of a Unix socket and its port stand in the query, see `environment.settings`.
    host = url.host or url.query.get("host")
    port = url.port or url.query.get("port")
    return await asyncpg.connect(
        host=host if isinstance(host, str) else None,
        port=int(port) if isinstance(port, (int, str)) else None,
        user=url.username,
        password=url.password,
        database=url.database,
        timeout=_CONNECT_TIMEOUT.total_seconds(),
        server_settings={"application_name": "control-plane notifications"},
    )
