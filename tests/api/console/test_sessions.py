"""Who sees pages, and for how long."""

import dataclasses
from http.cookiejar import Cookie

import httpx2
import pytest
from structlog.testing import capture_logs

from api.app import create_app
from api.services import Services
from control_plane_server.domain.execution_tokens import container_token, execution_token, launch_token
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId
from tests.api.builders import ROOT_KEYS, bearer
from tests.api.console.browser import hidden_fields, log_in, words
from tests.api.console.conftest import HOST

TOKENS = (
    execution_token(ROOT_KEYS[0], ExecutionId("exe-1")),
    launch_token(ROOT_KEYS[0], ExecutionId("exe-1"), 1),
    container_token(ROOT_KEYS[0], WarmContainerId("con-1")),
)


def session_cookie(client: httpx2.AsyncClient) -> Cookie:
    (cookie,) = client.cookies.jar
    return cookie


@pytest.mark.parametrize("key", ROOT_KEYS)
async def test_a_root_key_opens_a_session_which_logging_out_ends(visitor: httpx2.AsyncClient, key: str) -> None:
    answer = await log_in(visitor, key)
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui")
    page = await visitor.get("/ui")
    assert page.status_code == 200
    assert (await visitor.get("/ui/login")).headers["location"] == "/ui"
    left = await visitor.post("/ui/logout", data=hidden_fields(page))
    assert (left.status_code, left.headers["location"]) == (303, "/ui/login")
    assert (await visitor.get("/ui")).headers["location"] == "/ui/login"


@pytest.mark.parametrize("key", ["", "wrong", "root-key-", "röot", *TOKENS])
async def test_nothing_else_does_and_no_token(visitor: httpx2.AsyncClient, key: str) -> None:
    answer = await log_in(visitor, key)
    assert answer.status_code == 403
    assert "This is no API key of this control plane." in words(answer)
    assert (await visitor.get("/ui")).headers["location"] == "/ui/login"


async def test_keys_stand_in_no_cookie_page_address_or_log(visitor: httpx2.AsyncClient) -> None:
    secret = "surely-not-a-key"
    with capture_logs() as logs:
        refused = await log_in(visitor, secret)
        accepted = await log_in(visitor, ROOT_KEYS[0])
        page = await visitor.get("/ui")
    seen = [refused.text, str(accepted.headers), page.text, str(page.headers), session_cookie(visitor).value, str(logs)]
    assert logs
    assert not [text for text in seen for key in (secret, *ROOT_KEYS) if key in str(text)]


async def test_the_cookie_is_for_these_pages_alone(visitor: httpx2.AsyncClient) -> None:
    plain = (await log_in(visitor, ROOT_KEYS[0])).headers["set-cookie"]
    assert plain.startswith("control_plane_session=")
    assert {"HttpOnly", "Path=/ui", "SameSite=strict", "Max-Age=43200"} == set(plain.split("; ")[1:])
    visitor.cookies.clear()
    visitor.headers["X-Forwarded-Proto"] = "https"
    page = await visitor.get("/ui/login")
    assert "Secure" in page.headers["set-cookie"].split("; ")


async def test_stacks_on_one_host_have_cookies_of_their_own(services: Services) -> None:
    transport = httpx2.ASGITransport(app=create_app(services, has_console=True))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:5001") as client:
        await log_in(client, ROOT_KEYS[0])
        assert session_cookie(client).name == "control_plane_session_5001"
        assert (await client.get("/ui")).status_code == 200


async def test_a_login_is_a_new_session(visitor: httpx2.AsyncClient) -> None:
    """Whoever has put a cookie of his own into this browser knows no session of it."""
    page = await visitor.get("/ui/login")
    planted = session_cookie(visitor).value
    await visitor.post("/ui/login", data=hidden_fields(page) | {"api_key": ROOT_KEYS[0]})
    assert session_cookie(visitor).value != planted
    first = session_cookie(visitor).value
    visitor.cookies.clear()
    await log_in(visitor, ROOT_KEYS[0])
    assert session_cookie(visitor).value != first
    visitor.cookies.clear()
    visitor.cookies.set("control_plane_session", str(planted), domain=HOST, path="/ui")
    assert (await visitor.get("/ui")).headers["location"] == "/ui/login"


async def test_a_session_ends_with_the_root_key_that_it_was_opened_with(
    visitor: httpx2.AsyncClient, services: Services
) -> None:
    await log_in(visitor, ROOT_KEYS[1])
    cookie = session_cookie(visitor).value
    for keys, status in ((("newest", *ROOT_KEYS), 200), (ROOT_KEYS[:1], 303)):
        app = create_app(dataclasses.replace(services, root_keys=keys), has_console=True)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=f"http://{HOST}") as client:
            client.cookies.set("control_plane_session", str(cookie), domain=HOST, path="/ui")
            assert (await client.get("/ui")).status_code == status


async def test_only_forms_of_this_session_change_anything(browser: httpx2.AsyncClient) -> None:
    token = hidden_fields(await browser.get("/ui"))["form_token"]
    for fields in ({}, {"form_token": ""}, {"form_token": "x" + token}, {"form_token": "ö"}):
        answer = await browser.post("/ui/logout", data=fields)
        assert answer.status_code == 403
        assert "not from a page of this session" in words(answer)
    assert (await browser.post("/ui/logout", content=b"%ff=%ff\xff")).status_code == 400
    assert (await browser.get("/ui")).status_code == 200
    browser.cookies.clear()
    await log_in(browser, ROOT_KEYS[0])
    assert (await browser.post("/ui/logout", data={"form_token": token})).status_code == 403, "of another session"


async def test_the_form_of_the_login_has_a_token_too(visitor: httpx2.AsyncClient) -> None:
    assert (await visitor.post("/ui/login", data={"api_key": ROOT_KEYS[0]})).status_code == 403
    await visitor.get("/ui/login")
    answer = await visitor.post("/ui/login", data={"api_key": ROOT_KEYS[0], "form_token": "x"})
    assert answer.status_code == 403
    assert "Enter the key again" in words(answer)
    assert (await visitor.get("/ui")).status_code == 303


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/ui/projects/a%2Fb/invocations?tag=a:b", "/ui/projects/a%2Fb/invocations?tag=a:b"),
        ("/ui", "/ui"),
        *((elsewhere, "/ui") for elsewhere in ("//evil.test", "https://evil.test", "/docs", "/uix", "/ui\\@evil", "")),
        ("/ui/\r\nSet-Cookie: a=b", "/ui"),
    ],
)
async def test_a_login_leads_back_and_nowhere_else(visitor: httpx2.AsyncClient, wanted: str, reached: str) -> None:
    assert (await log_in(visitor, ROOT_KEYS[0], next_path=wanted)).headers["location"] == reached


async def test_without_a_session_pages_lead_to_the_login(visitor: httpx2.AsyncClient) -> None:
    page = await visitor.get("/ui", params={"tag": "a:b"})
    assert page.status_code == 303
    assert page.headers["location"] == "/ui/login?next=%2Fui%3Ftag%3Da%253Ab"
    part = await visitor.get("/ui", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/ui/login")
    data = await visitor.get("/ui", headers={"Accept": "application/json"})
    assert data.status_code == 401
    by_link = await visitor.get("/ui", headers={"Sec-Fetch-Site": "cross-site"})
    assert '<meta http-equiv="refresh" content="0">' in by_link.text, "browsers send the cookie then"


async def test_a_root_key_in_a_header_is_no_session_and_a_session_is_no_key(browser: httpx2.AsyncClient) -> None:
    assert (await browser.get("/projects")).status_code == 403
    browser.cookies.clear()
    assert (await browser.get("/ui", headers=bearer(ROOT_KEYS[0]))).status_code == 303
