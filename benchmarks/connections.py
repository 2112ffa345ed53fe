"""Short HTTP requests at a fifth of what a full client takes: what measures must be cheap beside what it measures."""

import asyncio
import time
from dataclasses import dataclass
from typing import Self

# Less than the 5 s after which `api` closes an idle connection: a request could cross with the close.
_KEPT_SECONDS = 2.0
_ANSWERED_WITHIN = 120.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes


class Connections:
    """To one host: as many as there are requests at a time, and those that are idle are used again."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[tuple[float, _Connection]] = []

    async def ask(self, request: bytes) -> Answer:
        """The answer to a request that is written out in full. Raises OSError, EOFError, TimeoutError."""
        async with asyncio.timeout(_ANSWERED_WITHIN):
            connection = await self._take()
            try:
                answer = await connection.ask(request)
            except BaseException:
                connection.close()
                raise
        self._idle.append((time.monotonic(), connection))
        return answer

    def close(self) -> None:
        """Those that are idle: the others close themselves when their requests are broken off."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _take(self) -> "_Connection":
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < _KEPT_SECONDS:
                return connection
            connection.close()
        return await _Connection.opened(self._host, self._port)


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def opened(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port))

    async def ask(self, request: bytes) -> Answer:
        self._writer.write(request)
        head = (await self._reader.readuntil(_END_OF_HEAD)).lower()
        start = head.find(_LENGTH)
        if start < 0:
            raise RuntimeError(f"an answer of unknown length: {head.decode()}")
        length = int(head[start + len(_LENGTH) : head.index(b"\r\n", start + 2)])
        return Answer(status=int(head[9:12]), body=await self._reader.readexactly(length))

    def close(self) -> None:
        self._writer.close()
