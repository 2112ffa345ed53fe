"""Requests to one server, repeated as long as what is in their way passes by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from control_plane.access.server import Server
from control_plane.cli.client.errors import Unreachable
from control_plane.cli.client.responses import document_of

_START_PATIENCE = 5.0  # nobody listens: as long as a stack takes to start its API again
_PATIENCE = 30.0  # the server is there but cannot answer
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_NOTHING_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
# Longer than a long poll.
_TIMEOUT = httpx2.Timeout(75.0, connect=10.0)
# An output of 249,999 characters, each of which may take twelve bytes in JSON.
_MAX_EVENT_BYTES = 4 * 1024 * 1024


class Transport:
    """Keeps connections until it is closed. Raises the errors of `control_plane.cli.client.errors`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._http = httpx2.AsyncClient(
            base_url=server.api_url,
            headers={"Authorization": f"Bearer {server.api_key}"},
            timeout=_TIMEOUT,
            trust_env=not server.is_on_loopback,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        may_repeat: bool = True,
    ) -> Any:
        """The answer's document. `may_repeat`: whether it does no harm if it is carried out twice."""
        began = time.monotonic()
        delay = _FIRST_DELAY
        while True:
            try:
                response = await self._http.request(method, path, json=body, params=query, headers=headers)
            except httpx2.TransportError as error:
                nothing_sent = isinstance(error, _NOTHING_SENT)
                patience = _START_PATIENCE if nothing_sent else _PATIENCE
                if not (nothing_sent or may_repeat) or time.monotonic() + delay > began + patience:
                    raise self.no_answer(error, is_lost=not nothing_sent) from error
            else:
                # 503 says that nothing was done; of a proxy's 502 and 504 nobody knows.
                repeats = response.status_code in _TRY_AGAIN and (may_repeat or response.status_code in (429, 503))
                delay = max(delay, _retry_after(response)) if repeats else delay
                if not repeats or time.monotonic() + delay > began + _PATIENCE:
                    return document_of(response, self.server)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def look(self, path: str) -> httpx2.Response:
        """One try, whatever its answer. Raises Unreachable."""
        try:
            return await self._http.get(path)
        except httpx2.TransportError as error:
            raise self.no_answer(error) from error

    @asynccontextmanager
    async def events(
        self, path: str, *, query: Mapping[str, str | int], last_event_id: str | None, silence_seconds: float
    ) -> AsyncIterator[httpx2.EventSource]:
        """One connection to a stream of events; raises httpx2.TransportError when it breaks, Refused before it begins.

        `silence_seconds`: how long nothing may come, keep-alive comments included.
        """
        async with self._http.sse(
            path,
            params=query,
            headers={} if last_event_id is None else {"Last-Event-ID": last_event_id},
            timeout=httpx2.Timeout(silence_seconds, connect=10.0),
            max_event_size=_MAX_EVENT_BYTES,
        ) as source:
            if source.response.status_code in _TRY_AGAIN:
                raise httpx2.ReadError(f"it answered {source.response.status_code}")
            if not source.response.is_success:
                await source.response.aread()
                document_of(source.response, self.server)
            yield source

    def no_answer(self, error: httpx2.TransportError, *, is_lost: bool = False) -> Unreachable:
        """`is_lost`: the request was sent, so it may have been carried out."""
        server = self.server
        lost = "; the request may have been carried out" if is_lost else ""
        advice = "is it running?" if server.stack is None else "see control-plane dev"
        reason = str(error) or type(error).__name__
        return Unreachable(f"{server.api_url} (of {server.found_in}) does not answer: {reason}{lost}; {advice}")


def _retry_after(response: httpx2.Response) -> float:
    """In seconds; dates are not understood."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0
