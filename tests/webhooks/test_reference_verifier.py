"""What is signed here is verified there: by the library of the standard in another language, on a server of its own."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from control_plane_server.domain.webhooks import DeliveryId
from control_plane_server.webhooks.messages import new_signing_secret, signed_headers
from control_plane_server.webhooks.sender import NotDelivered
from tests.webhooks.receivers import sender

INSTALLED = os.environ.get("STANDARD_WEBHOOKS")  # a folder; `make test-webhooks` makes one

pytestmark = pytest.mark.skipif(INSTALLED is None, reason="is run by `make test-webhooks`, which needs npm")


@asynccontextmanager
async def reference_receiver(secret: str) -> AsyncIterator[str]:
    """Its URL."""
    script = Path(__file__).with_name("reference_receiver.mjs")
    process = await asyncio.create_subprocess_exec(
        "node", str(script), str(INSTALLED), secret, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        await process.wait()


async def test_the_reference_verifier_takes_what_is_signed_and_nothing_else() -> None:
    secret, before, another = (new_signing_secret() for _ in range(3))
    body = '{"type": "invocation.failed", "data": {"error_message": "größer als 1 € 🐢"}}'

    async def send(url: str, *secrets: str, text: str = body) -> int:
        headers = signed_headers(DeliveryId("whd-1"), body, signing_secrets=secrets, now=datetime.now(UTC))
        return await sender().send(url, text.encode(), headers)

    async with reference_receiver(secret) as url:
        assert await send(url, secret) == 204
        assert await send(url, before, secret) == 204
        for secrets, text in (((another,), body), ((secret,), body.replace("1", "2"))):
            with pytest.raises(NotDelivered, match="401"):
                await send(url, *secrets, text=text)
