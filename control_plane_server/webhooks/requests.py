"""One request by HTTP/1.1 on a connection of its own, to addresses that were checked."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from httpcore2 import (
    SOCKET_OPTION,
    AnyIOBackend,
    AsyncConnectionPool,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    ConnectError,
    ConnectTimeout,
    NetworkError,
    ProtocolError,
    TimeoutException,
)

from control_plane_server.webhooks.addresses import Address
from control_plane_server.webhooks.urls import WebhookUrl

CONNECT_SECONDS = 5.0  # to one address


class NoAnswer(Exception):
    """Its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`retry_after`: that header, as it came."""

    status: int
    retry_after: str | None


async def post(
    url: WebhookUrl,
    addresses: Sequence[Address],
    *,
    body: bytes,
    headers: Mapping[str, str],
    trust: ssl.SSLContext | None,
) -> Answer:
    """The body of the answer is not read, and its headers are bounded by the parser. No proxy is asked, as that one
    would resolve the name anew. The caller bounds the time. Raises NoAnswer."""
    sent = {"Host": url.text.split("/")[2].partition("?")[0], "Content-Length": str(len(body)), **headers}
    try:
        async with (
            AsyncConnectionPool(
                ssl_context=trust or _system_trust(),
                max_keepalive_connections=0,
                network_backend=_Pinned(addresses),
            ) as pool,
            pool.stream(
                "POST",
                url.text,
                headers=list(sent.items()),
                content=body,
                extensions={"timeout": {"connect": CONNECT_SECONDS}},
            ) as response,
        ):
            found = (value for name, value in response.headers if name.lower() == b"retry-after")
            retry_after = next(found, None)
            return Answer(
                status=response.status,
                retry_after=None if retry_after is None else retry_after.decode("latin-1").strip(),
            )
    except ConnectTimeout as error:
        raise NoAnswer(f"there was no connection within {CONNECT_SECONDS:g} s") from error
    except (NetworkError, TimeoutException, ProtocolError) as error:
        raise NoAnswer(str(error) or f"the connection was lost ({type(error).__name__})") from error


class _Pinned(AsyncNetworkBackend):
    """Connects to these addresses, one after the other, whatever the name leads to by now. The name stays what TLS and
    the Host header are told."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        failure: ConnectError | ConnectTimeout = ConnectError("there is no address")
        for address in self._addresses:
            try:
                return await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (ConnectError, ConnectTimeout) as error:
                failure = error
        raise failure


@cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()
