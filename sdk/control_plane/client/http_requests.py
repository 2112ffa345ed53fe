"""What the two kinds of HTTP clients have in common: how requests are made, and what their errors mean."""

from collections.abc import Iterator
from typing import Any

import httpx2

from control_plane.access.server import Server
from control_plane.protocol.exchange import Peer
from control_plane.protocol.sources import Source
from control_plane.protocol.steps import Answer, Lost, Request, is_elsewhere
from control_plane.protocol.waiting import Patience

_CONNECT_SECONDS = 10.0
_NOTHING_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
# As many connections as there are waiting threads or tasks; of those that are idle, a few are kept.
LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=20)


def peer_of(server: Server, patience: Patience) -> Peer:
    return Peer(
        name=f"{server.api_url} (of {server.found_in})",
        advice="is it running?" if server.stack is None else "see control-plane dev",
        patience=patience,
        forbidden=(
            f"{server.api_url} refuses the API key ({server.key_found_in}); "
            f"ask for the right one, then run: control-plane login {server.api_url}"
        ),
    )


def headers_of(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.api_key}"}


def timeout_of(request: Request) -> httpx2.Timeout:
    return httpx2.Timeout(request.silence_seconds, connect=min(_CONNECT_SECONDS, request.silence_seconds))


def answer_of(response: httpx2.Response, body: bytes) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def content_of(request: Request) -> bytes | Iterator[bytes] | None:
    return request.body.pieces() if isinstance(request.body, Source) else request.body


def message_of(http: httpx2.Client | httpx2.AsyncClient, request: Request, content: Any) -> httpx2.Request:
    """To somebody else without our key."""
    message = http.build_request(
        request.method,
        request.path,
        content=content,
        headers=dict(request.headers),
        timeout=timeout_of(request),
    )
    if is_elsewhere(request.path):
        del message.headers["Authorization"]
    return message


def ensure_whole(request: Request, response: httpx2.Response) -> None:
    """Raises Lost if its sink has got less than the answer has."""
    length = response.headers.get("content-length")
    if request.sink is not None and length is not None and request.sink.size != int(length):
        raise Lost("the answer broke off", was_sent=True)


def lost(error: httpx2.HTTPError) -> Lost:
    return Lost(str(error) or type(error).__name__, was_sent=not isinstance(error, _NOTHING_SENT))
