"""/docs and /redoc: whole, without anything from elsewhere."""

import re
from collections.abc import AsyncIterator
from importlib.resources import files

import httpx2
import pytest

from api.app import describe_app
from api.pages.pages import FILES, VERSIONS


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=describe_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_a_page_is_made_of_what_this_server_has_and_may_load_nothing_else(
    client: httpx2.AsyncClient, page: str
) -> None:
    shown = await client.get(page)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "://" not in re.sub(r"<style>.*</style>", "", shown.text, flags=re.DOTALL)
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy.replace("style-src 'self' 'unsafe-inline'", "")
    assert "http" not in policy
    assert "<script>" not in shown.text, "which the policy forbids"
    parts = re.findall(r'(?:src|href)="([^"]+)"', shown.text)
    assert len(parts) >= 4
    for part in parts:
        answer = await client.get(f"/{part}")  # as a browser does from either page
        assert answer.status_code == 200, part


@pytest.mark.parametrize("name", FILES)
async def test_files_are_kept_by_browsers_under_their_version(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.get(f"/docs/files/{VERSIONS}/{name}")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith(FILES[name][1])
    assert (await client.get(f"/docs/files/older/{name}")).status_code == 404


async def test_nothing_else_is_served(client: httpx2.AsyncClient) -> None:
    for name in ("pages.py", "LICENSE", "..%2Fapp.py", "README.md"):
        assert (await client.get(f"/docs/files/{VERSIONS}/{name}")).status_code == 404


def test_what_is_of_others_comes_with_its_licence_and_its_version() -> None:
    folder = files("api.pages")
    for licence in ("swagger-ui/LICENSE", "swagger-ui/NOTICE", "redoc/LICENSE"):
        assert folder.joinpath(licence).is_file()
    assert VERSIONS == "swagger-ui-5.35.0-redoc-2.5.4"
    note = folder.joinpath("README.md").read_text(encoding="utf-8")
    assert "npm pack swagger-ui-dist@5.35.0 redoc@2.5.4" in note
