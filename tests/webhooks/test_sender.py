"""Receivers that answer badly, late or not at all, redirect, and move: each failure says so, in bounded time."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from control_plane_server.webhooks.sender import NotDelivered, WebhookSender
from control_plane_server.webhooks.urls import parse_url
from tests.sdk.certificates import write_certificate
from tests.webhooks.receivers import (
    Answering,
    drip,
    endless_body,
    endless_headers,
    hang_up,
    names,
    nonsense,
    receiver,
    sender,
    silence,
    status,
)

LOOPBACK = (ip_address("127.0.0.1"),)
PUBLIC = (ip_address("93.184.215.14"),)


async def send(to: WebhookSender, url: str) -> int:
    return await to.send(url, b'{"type": "t"}', {"webhook-id": "whd-1", "Content-Type": "application/json"})


async def failure(to: WebhookSender, url: str) -> NotDelivered:
    with pytest.raises(NotDelivered) as error:
        await send(to, url)
    return error.value


async def test_what_is_sent_is_what_was_signed_to_the_host_by_its_name() -> None:
    async with receiver(status(204)) as it:
        assert await send(sender(resolve=names(LOOPBACK)), it.url("hooks.example.com")) == 204
    (received,) = it.received
    assert received.line == "POST /hook?a=b HTTP/1.1"
    assert received.body == '{"type": "t"}'
    assert received.headers["host"] == f"hooks.example.com:{it.port}"
    assert received.headers["webhook-id"] == "whd-1"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (status(500), "it answered 500"),
        (status(404), "it answered 404"),
        (nonsense, "illegal status line"),
        (hang_up, "disconnected without sending a response"),
    ],
)
async def test_an_answer_that_is_no_success_is_a_failure(answer: Answering, text: str) -> None:
    async with receiver(answer) as it:
        assert text in str(await failure(sender(), it.url()))


async def test_a_redirect_is_not_followed_wherever_it_leads() -> None:
    async with receiver(status(302, "Location: http://169.254.169.254/latest/meta-data/")) as it:
        refusal = await failure(sender(), it.url())
    assert str(refusal) == "it answered 302: redirects are not followed; set the URL that it leads to"
    assert (refusal.status, len(it.received)) == (302, 1)


async def test_a_name_that_leads_elsewhere_the_second_time_is_refused_then() -> None:
    """As at its declaration, so at each attempt."""
    async with receiver(status(200)) as it:
        hostile = sender(resolve=names(PUBLIC, LOOPBACK), allows_loopback=False)
        url = it.url("rebinding.example.com", scheme="https")
        assert await hostile.targets.addresses(parse_url(url)) == PUBLIC
        refusal = await failure(hostile, url)
    assert str(refusal).startswith("rebinding.example.com is 127.0.0.1, which is not a public address")
    assert it.received == []


async def test_between_the_check_and_the_connection_nothing_is_resolved() -> None:
    """A name that leads elsewhere from its second answer on is connected to by the first one, which was checked."""
    async with receiver(status(200)) as it:
        moves = sender(resolve=names(LOOPBACK, (ip_address("127.0.0.9"),)))
        assert await send(moves, it.url("no-such-name.invalid")) == 200
    assert len(it.received) == 1


async def test_names_are_resolved_as_the_system_does() -> None:
    async with receiver(status(200)) as it:
        assert await send(sender(), it.url("localhost").replace("localhost", "LOCALHOST.")) == 200
        refusal = await failure(sender(allows_loopback=False), it.url("localhost", scheme="https"))
    assert "which is not a public address" in str(refusal)
    assert it.received[0].headers["host"] == f"localhost:{it.port}"


async def test_the_next_address_is_tried_if_one_is_deaf() -> None:
    async with receiver(status(200)) as it:
        both = (ip_address("127.0.0.2"), *LOOPBACK)  # nobody listens on the first one
        assert await send(sender(resolve=names(both)), it.url("two.example.com")) == 200


@pytest.mark.parametrize("answer", [silence, drip])
async def test_a_receiver_that_takes_its_time_is_given_up(answer: Answering) -> None:
    async with receiver(answer) as it:
        assert str(await failure(sender(seconds=0.5), it.url())) == "it took longer than 0.5 s"


@pytest.mark.parametrize("answer", [endless_headers, endless_body])
async def test_an_endless_answer_is_not_read(answer: Answering) -> None:
    async with receiver(answer) as it, asyncio.timeout(30):
        if answer is endless_body:
            assert await send(sender(), it.url()) == 200
        else:
            await failure(sender(), it.url())


async def test_nobody_listens() -> None:
    async with receiver(status(200)) as it:
        url = it.url()
    assert "attempts failed" in str(await failure(sender(), url))


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/", "https://[::ffff:127.0.0.1]:{}/", "https://0.0.0.0:{}/"])
async def test_loopback_is_refused_unless_it_is_allowed(url: str) -> None:
    async with receiver(status(200)) as it:
        assert "not a public address" in str(await failure(sender(allows_loopback=False), url.format(it.port)))
    assert it.received == []


async def test_what_a_receiver_asks_for_is_heard_in_either_form() -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    async with receiver(
        status(429, "Retry-After: 120"), status(503, f"Retry-After: {in_an_hour}"), status(503, "Retry-After: soon")
    ) as it:
        assert (await failure(sender(), it.url())).retry_after == 120
        assert (await failure(sender(), it.url())).retry_after == pytest.approx(3_600, abs=60)
        assert (await failure(sender(), it.url())).retry_after is None


async def test_tls_is_verified_by_the_name(tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files.chain)
    trust = ssl.create_default_context(cafile=str(files.authority))
    async with receiver(status(200), tls=tls) as it:
        url = it.url(scheme="https")
        assert await send(sender(trust=trust), url) == 200
        assert "certificate verify failed" in str(await failure(sender(), url))
        other = it.url("hooks.example.com", scheme="https")
        assert "Hostname mismatch" in str(await failure(sender(resolve=names(LOOPBACK), trust=trust), other))
    assert len(it.received) == 1
