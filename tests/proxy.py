"""Stands between clients and a server, and can fall silent: nothing comes through any more, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from environment.settings import PostgresSettings

LOOPBACK = "127.0.0.1"
_CHUNK = 2**16

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Streams]]


class _Link:
    """One client's connection. `passes` is set while bytes go through."""

    def __init__(self, client: Streams) -> None:
        self.passes = asyncio.Event()
        self.is_lost = False
        self._client = client
        self._server: Streams | None = None

    async def carry(self, dial: Dial) -> None:
        """Until either side has closed. A side that dies takes the other with it."""
        try:
            await self.passes.wait()
            self._server = await dial()
            pumps = (self._pump(self._client[0], self._server[1]), self._pump(self._server[0], self._client[1]))
            async with asyncio.TaskGroup() as both:
                for pump in pumps:
                    both.create_task(pump)
        except* OSError:
            pass
        finally:
            self._client[1].transport.abort()
            self.drop_server()

    def drop_server(self) -> None:
        """As a server does whose keepalives are not answered."""
        if self._server is not None:
            self._server[1].transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(_CHUNK):
            await self.passes.wait()
            sink.write(chunk)
            await sink.drain()
        await self.passes.wait()  # nor is it told that one has hung up
        raise ConnectionResetError


class Proxy:
    """Listens on loopback while it is entered."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self.is_silent = False
        self.connections = 0  # that were ever made

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        carrying = list(self._links.values())
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    def fall_silent(self) -> None:
        """What is sent is kept back, of new connections too."""
        self.is_silent = True
        for link in self._links:
            link.passes.clear()

    def speak(self) -> None:
        """Everything goes on where it was."""
        self.is_silent = False
        for link in self._links:
            if not link.is_lost:
                link.passes.set()

    def lose_connections(self) -> None:
        """Only new ones work, as if another machine were in the server's place. Those of now stay open, and silent."""
        for link in self._links:
            link.is_lost = True
            link.passes.clear()
            link.drop_server()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = _Link((reader, writer))
        if not self.is_silent:
            link.passes.set()
        task = asyncio.ensure_future(link.carry(self._dial))
        self._links[link] = task
        task.add_done_callback(lambda _: self._links.pop(link, None))


def proxy_of_port(port: int) -> Proxy:
    """To a server on loopback."""
    return Proxy(lambda: asyncio.open_connection(LOOPBACK, port))


@asynccontextmanager
async def proxy_of_postgres(settings: PostgresSettings) -> AsyncIterator[tuple[Proxy, PostgresSettings]]:
    """With the settings by which it is reached through the proxy."""

    async def dial() -> Streams:
        if settings.host.startswith("/"):
            return await asyncio.open_unix_connection(f"{settings.host}/.s.PGSQL.{settings.port}")
        return await asyncio.open_connection(settings.host, settings.port)

    async with Proxy(dial) as proxy:
        yield proxy, settings.model_copy(update={"host": LOOPBACK, "port": proxy.port})
