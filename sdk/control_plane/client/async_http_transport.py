"""The transport of `AsyncClient`: connections that are kept, for any number of tasks."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import httpx2

from control_plane.access.server import Server
from control_plane.client.http_requests import LIMITS, answer_of, content_of, ensure_whole, headers_of, lost, message_of
from control_plane.protocol.line_buffers import LineBuffer
from control_plane.protocol.steps import Answer, Request


class AsyncHttpTransport:
    """Connections belong to an event loop: another one, or a copy of the process, has its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._owner: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._http: httpx2.AsyncClient | None = None

    async def send(self, request: Request) -> Answer:
        try:
            http = self._pool()
            response = await http.send(message_of(http, request, _content_of(request)), stream=True)
            try:
                if request.sink is not None and response.is_success:
                    await _fill(request, response)
                    return answer_of(response, b"")
                return answer_of(response, await response.aread())
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise lost(error) from error

    async def open(self, request: Request) -> "AsyncHttpStream":
        http = self._pool()
        message = message_of(http, request, request.body)
        try:
            response = await http.send(message, stream=True)
            body = b"" if response.is_success else await response.aread()
        except httpx2.HTTPError as error:
            raise lost(error) from error
        return AsyncHttpStream(response, answer_of(response, body))

    async def close(self) -> None:
        """They are made anew if they are needed again."""
        http, self._http = self._http, None
        if http is not None and self._owner == _here():
            await http.aclose()

    def _pool(self) -> httpx2.AsyncClient:
        if self._http is None or self._owner != _here():
            self._owner = _here()
            self._http = httpx2.AsyncClient(
                base_url=self._server.api_url,
                headers=headers_of(self._server),
                limits=LIMITS,
                trust_env=not self._server.is_on_loopback,
            )
        return self._http


class AsyncHttpStream:
    def __init__(self, response: httpx2.Response, answer: Answer) -> None:
        self.answer = answer
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()
        self._lines = LineBuffer()

    async def next_line(self) -> bytes | None:
        while True:
            line = self._lines.next()
            if line is not None:
                return line
            try:
                piece = await anext(self._pieces, None)
            except httpx2.HTTPError as error:
                raise lost(error) from error
            if piece is None:
                return None
            self._lines.take(piece)

    async def close(self) -> None:
        await self._response.aclose()


def _content_of(request: Request) -> bytes | AsyncIterator[bytes] | None:
    content = content_of(request)
    return _drawn(content) if isinstance(content, Iterator) else content


async def _drawn(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _fill(request: Request, response: httpx2.Response) -> None:
    """Raises Lost, httpx2.HTTPError, and what the sink raises."""
    assert request.sink is not None
    request.sink.begin()
    try:
        async for piece in response.aiter_raw():
            request.sink.write(piece)
    finally:
        request.sink.close()
    ensure_whole(request, response)


def _here() -> tuple[int, asyncio.AbstractEventLoop]:
    return os.getpid(), asyncio.get_running_loop()
