"""HEAD wherever there is GET: its status and its headers, without its body (RFC 9110, 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Middleware: has the app answer a GET, and keeps the body back. A stream ends where it would have begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] != "http.response.body":
                scope["method"] = "HEAD"  # for the server, which would miss the body of a GET, and for metrics
                await send(message)
                return
            await send({"type": message["type"], "body": b""})
            if message.get("more_body", False):
                raise _Answered

        scope["method"] = "GET"
        try:
            await self._app(scope, receive, send_without_body)
        except _Answered:
            return


class _Answered(Exception):
    """There is nothing more to send."""
