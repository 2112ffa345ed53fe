"""Webhooks declared by an application. Only time-outs are told, of which there are none: nothing is sent."""

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess

URL = "https://93.184.215.14/hook"
EVENTS = ["invocation.timed_out"]


def test_webhooks(access: StackAccess, project: str) -> None:
    with cp.Client(access.api_url, access.api_key) as client:
        made = client.set_webhook(project, "ci", URL, EVENTS)
        assert str(made.secret).startswith("whsec_")
        assert [webhook.url for webhook in client.webhooks(project)] == [URL]
        assert client.rotate_webhook_secret(project, "ci") != made.secret
        resize = client.function(project, "resize")
        told = cp.Options(webhook={"url": URL, "events": EVENTS})
        with pytest.raises(cp.Refused, match="rotate-secret PROJECT invocations"):
            resize.with_options(told).submit("a")
        client.rotate_webhook_secret(project, "invocations")
        call = resize.with_options(told).submit("a")
        assert call.result(timeout=60)["url"] == "a"
        assert [found["url"] for found in resize.with_options(told).map(["b"])] == ["b"]
        assert client.deliveries(project, "ci") == client.deliveries(project, "invocations", status="PENDING") == []
        with pytest.raises(cp.Refused, match="A delivery with this ID"):
            client.redeliver(project, "ci", "whd-1")
        client.delete_webhook(project, "ci")


async def test_webhooks_of_asynchronous_applications(access: StackAccess, project: str) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        assert str((await client.set_webhook(project, "async", URL, EVENTS)).secret).startswith("whsec_")
        assert "async" in [webhook.webhook_name for webhook in await client.webhooks(project)]
        assert (await client.rotate_webhook_secret(project, "async")).startswith("whsec_")
        assert await client.deliveries(project, "async", at_most=5) == []
        with pytest.raises(cp.Refused, match="A delivery with this ID"):
            await client.redeliver(project, "async", "whd-1")
        await client.delete_webhook(project, "async")
