"""What the two kinds of HTTP clients have in common: how requests are made, and what their errors mean."""

import httpx2

from control_plane.access.server import Server
from control_plane.protocol.exchange import Peer
from control_plane.protocol.steps import Answer, Lost, Request
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


def lost(error: httpx2.HTTPError) -> Lost:
    return Lost(str(error) or type(error).__name__, was_sent=not isinstance(error, _NOTHING_SENT))
