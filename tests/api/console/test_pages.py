"""What holds for every page, and where the console is at all."""

import re
from collections.abc import Iterator

import httpx2
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import REGISTRY

from api.app import create_app
from api.console.app import create_console
from api.console.page_headers import CONTENT_SECURITY_POLICY
from api.services import Services
from tests.api.builders import deploy, function_spec
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


async def test_pages_may_load_nothing_from_elsewhere_and_are_kept_by_nobody(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient
) -> None:
    await deploy(client, function_spec("x"), project="x")
    shown = [path for method, path in dict.fromkeys(routes(create_console())) if method == "GET"]
    for path in (*shown, "/ui/projects/nobody", "/ui/nothing", "/ui/", "/ui/static/older/console.css"):
        _check(await browser.get(path))


def _check(page: httpx2.Response) -> None:
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


async def test_durations_are_measured_by_the_pages_own_routes(browser: httpx2.AsyncClient) -> None:
    await browser.get("/ui/projects/nobody")
    labels = {"method": "GET", "route": "/ui/projects/{project_name}", "status": "404"}
    assert REGISTRY.get_sample_value("control_plane_http_request_duration_seconds_count", labels)


async def test_there_is_no_console_unless_it_is_wanted(client: httpx2.AsyncClient, services: Services) -> None:
    assert (await client.get("/ui")).status_code == 404
    described = create_app(services, has_console=True).openapi()["paths"]
    assert not [path for path in described if path.startswith("/ui")]
