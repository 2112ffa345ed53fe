"""The REST client of the process that measures: cheap, as what it costs is taken from what it measures."""

import json
from collections.abc import AsyncIterator, Collection
from types import TracebackType
from typing import Any, Self

import aiohttp

Json = dict[str, Any]

# Less than the 5 s after which `api` closes an idle connection: a request could cross with the close.
_KEEPALIVE_SECONDS = 2


class Http:
    def __init__(self, base_url: str, *, key: str) -> None:
        self._key = key
        self._session = aiohttp.ClientSession(
            base_url,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=120),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        headers = self._headers(None) | {"Content-Type": "application/x-ndjson"}
        async with self._session.post(path, data=lines, headers=headers) as response:
            content = await response.read()
        _check(response.status, (200,), f"POST {path}: {content.decode()}")
        answer: Json = json.loads(content)
        return answer

    async def lines(self, path: str) -> AsyncIterator[Json]:
        """An answer of one JSON text a line, as it comes. Empty lines are left out."""
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with self._session.get(path, headers=self._headers(None), timeout=timeout) as response:
            _check(response.status, (200,), f"GET {path}")
            async for line in response.content:
                if line.strip():
                    yield json.loads(line)

    async def stream(self, path: str) -> None:
        """Read an answer that comes in pieces to its end."""
        async with self._session.get(path, headers=self._headers(None)) as response:
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
        async with self._session.request(method, path, json=body, headers=self._headers(key)) as response:
            content = await response.read()
        _check(response.status, is_fine, f"{method} {path}: {content.decode()}")
        answer: Json = json.loads(content)
        return answer

    def _headers(self, key: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self._key}"}


def _check(status: int, is_fine: Collection[int], request: str) -> None:
    if status not in is_fine:
        raise RuntimeError(f"{status} for {request}")
