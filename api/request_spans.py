"""A span for each request, where tracing is on."""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import route_of

if TYPE_CHECKING:
    from control_plane_server.telemetry.spans import Spans

# Health checks, which are requested every few seconds.
_PROBES = frozenset({"/", "/health/ready"})


class RequestSpans:
    """Middleware: records a span for each request but health checks."""

    def __init__(self, app: ASGIApp, *, spans: "Spans") -> None:
        self._app = app
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._spans.serving(scope["method"], Headers(scope=scope)) as span:
            try:
                await self._app(scope, receive, send_observed)
            finally:
                span.record_response(route=route_of(scope), status=status)
