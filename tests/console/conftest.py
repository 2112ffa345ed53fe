"""One stack, one browser, and a project on that stack, for all tests of pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess
from playwright.async_api import Browser, StorageState, expect

from tests.cli.stacks import Ports, dev
from tests.console.chromium import chromium
from tests.console.visits import Visit
from tests.e2e.project import Project

expect.set_options(timeout=30_000)  # milliseconds, on a machine that does much else

PROJECT = "shop"
MAIN = """\
import sys
import time
from pathlib import Path

import control_plane as cp


@cp.function(timeout=120)
def count(to: int, until: str = ""):
    for number in range(1, to + 1):
        print("counted to", number)
        yield {"counted": number}
        while until and not Path(until).exists():
            time.sleep(0.05)
    return {"counted_to": to}


@cp.function(timeout=120)
def price(product: str, quantity: int = 1, express: bool = False) -> dict:
    prices = {"tea": 4}
    return {"price": quantity * prices[product], "express": express}


@cp.function(timeout=120)
def order(product: str):
    return price.submit(product).result()


@cp.function(timeout=120)
def repeat(text: str, fails: bool = False):
    print(text)
    print(chr(27) + "[31m" + text, file=sys.stderr)
    yield {text: text}
    if fails:
        raise ValueError(text)
    return [text]
"""


@pytest.fixture(scope="package")
async def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / ".control-plane"


@pytest.fixture(scope="package")
async def access(stack_folder: Path) -> AsyncIterator[StackAccess]:
    async with dev(stack_folder, Ports.free()) as stack:
        yield await stack.ready()


@pytest.fixture(scope="package")
async def project(access: StackAccess, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Project]:
    """Deployed from code."""
    folder = tmp_path_factory.mktemp("code") / PROJECT
    folder.mkdir()
    (folder / "main.py").write_text(MAIN)
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        await client.deploy(PROJECT, folder, report=lambda _: None)
    it = Project(access, PROJECT)
    yield it
    await it.http.aclose()


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as it:
        yield it


@pytest.fixture(scope="package")
async def session(browser: Browser, access: StackAccess) -> StorageState:
    """The cookie of somebody who has logged in."""
    async with await browser.new_context(base_url=access.api_url) as context:
        page = await context.new_page()
        await page.goto("/ui/login")
        await page.get_by_label("API key").fill(access.api_key)
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/ui")
        return await context.storage_state()


@pytest.fixture
async def stranger(browser: Browser, access: StackAccess) -> AsyncIterator[Visit]:
    """Who has not logged in. Nothing may have gone wrong at the end."""
    async with await browser.new_context(base_url=access.api_url) as context:
        visit = Visit(await context.new_page(), access.api_url)
        yield visit
        assert visit.problems == []


@pytest.fixture
async def visit(browser: Browser, access: StackAccess, session: StorageState) -> AsyncIterator[Visit]:
    """Who has logged in. Nothing may have gone wrong at the end."""
    async with await browser.new_context(base_url=access.api_url, storage_state=session) as context:
        visit = Visit(await context.new_page(), access.api_url)
        yield visit
        assert visit.problems == []
