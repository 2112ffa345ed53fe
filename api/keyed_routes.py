"""Routes that check the key before they read the body."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive, Scope, Send

from api.authorization import KeyOf, RootCaller, caller_of
from api.bounded_json import parse_json
from api.services import services_of
from api.shares import Turn

_TURN = "control_plane.turn"
# An answer is sent in pieces: when the last one is sent, the client has read all but what the connection buffers.
_PIECE_BYTES = 64 * 1024


class KeyedRoute(APIRoute):
    """A route that checks the key, then waits for a turn in the share of the execution or the container whose token it
    is, and only then reads the body, which is parsed by `parse_json`."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Forbidden, ApiKeyIsInvalid, TooManyRequests."""
        key = self.key
        if key is None or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        caller = caller_of(request)
        if isinstance(caller, RootCaller):
            await key(request)
            await super().handle(scope, receive, send)
            return
        async with services_of(request).shares.turn(caller.holder) as turn:
            scope[_TURN] = turn
            await key(request)
            await super().handle(scope, receive, _in_pieces(send))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Called once by FastAPI, when the route is made."""
        checks = (one.call for one in self.dependant.dependencies)  # of its router, and of its parameters
        self.key = next((check for check in checks if isinstance(check, KeyOf)), None)
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_json(request: Request) -> Response:
            json_request = _JsonRequest(request.scope, request.receive)
            turn = turn_of(request)
            if turn is not None:
                await turn.pace_body(len(await json_request.body()))
            return await handle(json_request)

        return handle_json


def turn_of(request: Request) -> Turn | None:
    """The request's turn in its execution's share; None for root keys, which have no limits."""
    turn: Turn | None = request.scope.get(_TURN)
    return turn


@asynccontextmanager
async def while_waiting(request: Request) -> AsyncIterator[None]:
    """Within the context the request counts as a long poll, no longer as a request under way. Raises TooManyPolls."""
    turn = turn_of(request)
    async with contextlib.nullcontext() if turn is None else turn.waiting():
        yield


class _JsonRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


def _in_pieces(send: Send) -> Send:
    async def send_piece_by_piece(message: Message) -> None:
        body = memoryview(message.get("body", b""))
        while len(body) > _PIECE_BYTES:
            await send({"type": message["type"], "body": bytes(body[:_PIECE_BYTES]), "more_body": True})
            body = body[_PIECE_BYTES:]
        await send({**message, "body": bytes(body)} if message["type"] == "http.response.body" else message)

    return send_piece_by_piece
