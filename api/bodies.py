"""Receives request bodies, with a limit of their size and of their time."""

import asyncio
from datetime import timedelta

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane_server.domain.bounds import MAX_BODY_BYTES
from control_plane_server.domain.errors import ApiError, BodyIsTooLarge, BodyIsTooSlow

# For a whole body: the largest one but those of batches arrives in time at 140 kB a second.
_PATIENCE = timedelta(seconds=30)


_LIMIT = "control_plane.body_limit"


def allow_body_of(scope: Scope, size: int) -> None:
    """Let a route take bodies of this size, in bytes, before it reads one."""
    scope[_LIMIT] = size


class BodyLimit:
    """Middleware: answers 413 to a body of more than its route allows, MAX_BODY_BYTES as a rule, as declared or as
    counted, and 408 to one that takes longer than 30 s. Both begin when the body is first read, which a route does
    after it has checked the key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read, declared = 0, _declared_length(scope)
        is_complete = False
        deadline: float | None = None

        async def receive_bounded() -> Message:
            nonlocal read, is_complete, deadline
            limit: int = scope.get(_LIMIT, MAX_BODY_BYTES)
            if declared > limit:
                raise _refusal(BodyIsTooLarge)
            deadline = deadline or asyncio.get_running_loop().time() + _PATIENCE.total_seconds()
            try:
                async with asyncio.timeout_at(None if is_complete else deadline):
                    message = await receive()
            except TimeoutError:
                raise _refusal(BodyIsTooSlow, Connection="close") from None
            read += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if read > limit:
                raise _refusal(BodyIsTooLarge)
            return message

        await self._app(scope, receive_bounded, send)


def _refusal(error: type[ApiError], **headers: str) -> HTTPException:
    """An HTTPException, as FastAPI turns all other exceptions that reading a body raises into its own 400."""
    return HTTPException(error.http_status, error.default_message(), headers)


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isdecimal() else 0
