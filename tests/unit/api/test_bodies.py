"""How long a request body may take."""

import asyncio
from datetime import timedelta

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from api import bodies


async def test_an_upload_that_comes_in_drops_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "UPLOAD_PATIENCE", timedelta(seconds=0.2))

    async def drops() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def upload(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.allow_upload_of(scope, 1024**3)
        while True:
            await receive()

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async with asyncio.timeout(20):
        with pytest.raises(HTTPException) as refused:
            await bodies.BodyLimit(upload)({"type": "http", "headers": []}, drops, send)
    assert refused.value.status_code == 408
