"""How request bodies are read: never more than the limit, and whatever is not JSON is said to be so."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.bounds import MAX_BODY_BYTES
from domain.errors import ApiError, BodyIsTooLarge, BodyIsTooSlow

# For a whole body: the largest one comes in time at 140 kB a second.
_PATIENCE = timedelta(seconds=30)


class BodyLimit:
    """Middleware: refuses a body of more than MAX_BODY_BYTES as soon as it is known, declared or counted, and one that
    is not there in time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > MAX_BODY_BYTES:
            refusal = JSONResponse({"detail": BodyIsTooLarge.default_message()}, status_code=BodyIsTooLarge.http_status)
            await refusal(scope, receive, send)
            return
        read = 0
        is_complete = False
        deadline = asyncio.get_running_loop().time() + _PATIENCE.total_seconds()

        async def counted() -> Message:
            nonlocal read, is_complete
            try:
                async with asyncio.timeout_at(None if is_complete else deadline):
                    message = await receive()
            except TimeoutError:
                raise _refusal(BodyIsTooSlow, Connection="close") from None
            read += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if read > MAX_BODY_BYTES:
                raise _refusal(BodyIsTooLarge)
            return message

        await self._app(scope, counted, send)


class JsonRequest(Request):
    """A request whose `json` fails in one way only, which FastAPI answers by 422: bad UTF-8, endless digits and endless
    nesting are no better than bad syntax."""

    async def json(self) -> Any:
        try:
            return await super().json()
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


class JsonRoute(APIRoute):
    """A route that gives its handler a JsonRequest, if it takes a body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def _refusal(error: type[ApiError], **headers: str) -> HTTPException:
    """FastAPI turns every other exception that comes out of a body into its own 400."""
    return HTTPException(error.http_status, error.default_message(), headers)


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isdecimal() else 0
