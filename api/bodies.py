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


# An upload of gigabytes takes as long as it takes, if it goes on: within each of these times something must come, and
# what has come must at any time have come at this pace.
UPLOAD_PATIENCE = timedelta(seconds=30)
UPLOAD_BYTES_PER_SECOND = 64 * 1024

_LIMIT = "control_plane.body_limit"
_UPLOAD = "control_plane.is_upload"


def allow_body_of(scope: Scope, size: int) -> None:
    """Let a route take bodies of this size, in bytes, before it reads one."""
    scope[_LIMIT] = size


def allow_upload_of(scope: Scope, size: int) -> None:
    """As `allow_body_of`, for a body that is passed on as it comes: at any time as much of it must be there as 64 KiB a
    second make, 30 s later; and no part of it may take longer than 30 s."""
    allow_body_of(scope, size)
    scope[_UPLOAD] = True


class BodyLimit:
    """Middleware: answers 413 to a body of more than its route allows, MAX_BODY_BYTES as a rule, as declared or as
    counted, and 408 to one that takes longer than 30 s; of uploads, than `allow_upload_of` says. Both begin when the
    body is first read, which a route does after it has checked the key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read, declared = 0, _declared_length(scope)
        is_complete = False
        start: float | None = None

        async def receive_bounded() -> Message:
            nonlocal read, is_complete, start
            limit: int = scope.get(_LIMIT, MAX_BODY_BYTES)
            if declared > limit:
                raise _refusal(BodyIsTooLarge)
            now = asyncio.get_running_loop().time()
            start = start or now
            if scope.get(_UPLOAD, False):
                until = UPLOAD_PATIENCE.total_seconds() + min(now, start + read / UPLOAD_BYTES_PER_SECOND)
            else:
                until = start + _PATIENCE.total_seconds()
            try:
                async with asyncio.timeout_at(None if is_complete else until):
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
