"""What holds for every page, and where the console is at all."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.app import create_app
from api.console.app import create_console
from api.console.page_headers import CONTENT_SECURITY_POLICY
from api.services import Services
from tests.api.console.browser import words

WITHOUT_SESSION = {"/ui/login"}


def routes(console: FastAPI) -> Iterator[tuple[str, str]]:
    for route in console.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield method, re.sub(r"{\w+}", "x", route.path)


async def test_every_page_but_the_login_wants_a_session(visitor: httpx2.AsyncClient) -> None:
    found = dict.fromkeys(routes(create_console()))
    assert len(found) >= 4
    for method, path in found:
        if path not in WITHOUT_SESSION:
            answer = await visitor.request(method, path)
            assert answer.status_code == (303 if method == "GET" else 401), path


@pytest.mark.parametrize("path", ["/ui", "/ui/login", "/ui/nothing", "/ui/", "/ui/static/older/console.css"])
async def test_pages_may_load_nothing_from_elsewhere_and_are_kept_by_nobody(
    browser: httpx2.AsyncClient, path: str
) -> None:
    page = await browser.get(path)
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=)|<style| style=| on\w+=|https?://", page.text)


async def test_pages_are_made_of_files_that_browsers_keep(visitor: httpx2.AsyncClient) -> None:
    page = await visitor.get("/ui/login")
    parts = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page.text)
    assert len(parts) >= 4
    for part in parts:
        file = await visitor.get(part)
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
        assert file.headers["x-content-type-options"] == "nosniff"


async def test_errors_are_pages(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/ui/nothing")
    assert page.status_code == 404
    assert "There is no such page." in words(page)
    assert "Log out" in words(page)
    assert (await browser.delete("/ui")).status_code == 405


async def test_a_path_may_end_in_a_slash(browser: httpx2.AsyncClient) -> None:
    answer = await browser.get("/ui/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/ui")


async def test_there_is_no_console_unless_it_is_wanted(client: httpx2.AsyncClient, services: Services) -> None:
    assert (await client.get("/ui")).status_code == 404
    described = create_app(services, has_console=True).openapi()["paths"]
    assert not [path for path in described if path.startswith("/ui")]
