"""The REST client of the process that measures: cheap, as what it costs is taken from what it measures."""

import json
from collections.abc import AsyncIterator, Collection
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from benchmarks.connections import Connections

Json = dict[str, Any]


class Http:
    def __init__(self, base_url: str, *, key: str) -> None:
        url = urlsplit(base_url)
        if url.scheme != "http" or url.hostname is None or url.port is None or url.path:
            raise ValueError(f"{base_url}: must be http://HOST:PORT")
        self._key = key
        self._host = url.netloc
        self._connections = Connections(url.hostname, url.port)
        self._session = aiohttp.ClientSession(
            base_url,
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=120),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connections.close()
        await self._session.close()

    async def get(self, path: str, *, key: str | None = None) -> Json:
        return await self._answer("GET", path, key=key)

    async def put(
        self, path: str, body: Json | None = None, *, key: str | None = None, is_fine: Collection[int] = (200,)
    ) -> Json:
        return await self._answer("PUT", path, body, key, is_fine)

    async def post(self, path: str, body: Json, *, key: str | None = None) -> Json:
        return await self._answer("POST", path, body, key)

    async def post_lines(self, path: str, lines: bytes) -> Json:
        """A body of one JSON text a line."""
        headers = self._headers() | {"Content-Type": "application/x-ndjson"}
        async with self._session.post(path, data=lines, headers=headers) as response:
            content = await response.read()
        _check(response.status, (200,), f"POST {path}: {content.decode()}")
        answer: Json = json.loads(content)
        return answer

    async def lines(self, path: str) -> AsyncIterator[Json]:
        """An answer of one JSON text a line, as it comes. Empty lines are left out."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with self._session.get(path, headers=self._headers(), timeout=timeout) as response:
            _check(response.status, (200,), f"GET {path}")
            async for line in response.content:
                if line.strip():
                    yield json.loads(line)

    async def stream(self, path: str) -> None:
        """Read an answer that comes in pieces to its end."""
        async with self._session.get(path, headers=self._headers()) as response:
            _check(response.status, (200,), f"GET {path}")
            await response.read()

    async def _answer(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        key: str | None = None,
        is_fine: Collection[int] = (200,),
    ) -> Json:
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {key or self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        answer = await self._connections.ask(head.encode() + content)
        _check(answer.status, is_fine, f"{method} {path}: {answer.body.decode()}")
        read: Json = json.loads(answer.body)
        return read

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}


def _check(status: int, is_fine: Collection[int], request: str) -> None:
    if status not in is_fine:
        raise RuntimeError(f"{status} for {request}")
