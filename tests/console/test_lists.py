"""Finding an invocation among 100,000, by clicks and by the keyboard alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.console.visits import Visit
from tests.e2e.project import Project

ENDED = 100_000
FAILED = 73  # two pages of 50
LARGE = "archive"
INVOCATIONS = f"/ui/projects/{LARGE}/invocations"
FILL = (
    "INSERT INTO projects (project_name) VALUES ('archive')",
    "INSERT INTO versions (version_id, project_name) VALUES ('ver-archive', 'archive')",
    "INSERT INTO functions (version_id, function_name, docker_image, virtual_cpus, memory_gbs, max_concurrency,"
    " max_retries, timeout_seconds, retry_initial_interval_seconds, retry_backoff_coefficient,"
    " retry_max_interval_seconds) VALUES ('ver-archive', 'store', 'image:1', 1, 1, 1, 0, 60, 1, 2, 60)",
    # One a second, those that failed long ago.
    "INSERT INTO invocations (invocation_id, function_id, project_name, function_name, input, status, outcome,"
    " error_message, attempts, queued_ms, starting_ms, running_ms, creation_time)"
    " SELECT 'inv-' || lpad(n::text, 32, '0'), function_id, 'archive', 'store', '', 'TERMINATED',"
    f" CASE WHEN n > {ENDED - FAILED} THEN 'FAILED' ELSE 'SUCCEEDED' END,"
    f" CASE WHEN n > {ENDED - FAILED} THEN 'KeyError: ' || n END, 1, 0, 0, 600, now() - n * interval '1 second'"
    f" FROM functions, generate_series(1, {ENDED}) n WHERE version_id = 'ver-archive'",
    "ANALYZE invocations",
)


@pytest.fixture(scope="module", autouse=True)
async def large(project: Project, stack_folder: Path) -> AsyncIterator[None]:
    settings = await EmbeddedPostgres(stack_folder / "postgres").start()  # finds the one that runs
    engine = create_async_engine(settings.url)
    async with engine.begin() as connection:
        for statement in FILL:
            await connection.execute(text(statement))
    yield
    await engine.dispose()


async def ids(page: Page) -> list[str]:
    links = page.get_by_role("rowheader").get_by_role("link")
    return [str(title) for title in await links.evaluate_all("all => all.map(one => one.title)")]


async def turn(page: Page, link: str) -> list[str]:
    """Follow a link to another page of the list."""
    address = page.url
    await page.get_by_role("navigation", name="Pages of invocations").get_by_role("link", name=link).click()
    await page.wait_for_function(
        "address => location.href !== address && document.readyState === 'complete'", arg=address
    )
    return await ids(page)


async def test_pages_follow_one_another_and_lead_back(visit: Visit) -> None:
    page = visit.page
    await visit.open("/ui")
    await visit.follow(LARGE)
    await visit.follow("Invocations")
    await page.wait_for_url(f"**{INVOCATIONS}")
    seen = [await ids(page)]
    seen += [await turn(page, "Older") for _ in range(4)]
    assert [one for page_of_ids in seen for one in page_of_ids] == [f"inv-{n:032}" for n in range(1, 251)]
    assert await turn(page, "Newer") == seen[3]
    assert await turn(page, "Newest") == seen[0]


async def test_a_failure_is_found_by_a_filter(visit: Visit) -> None:
    page = visit.page
    await visit.open(INVOCATIONS)
    await page.locator("summary", has_text="Filters").click()
    await page.get_by_label("failed", exact=True).check()
    await page.get_by_role("button", name="Filter").click()
    await expect(page.get_by_text(f"KeyError: {ENDED - FAILED + 1}", exact=True)).to_be_visible()
    first = await ids(page)
    assert [len(first), len(await turn(page, "Older"))] == [50, FAILED - 50]


async def test_by_the_keyboard_alone(visit: Visit) -> None:
    """From the list of projects to those that failed."""
    page = visit.page

    async def press_tab_until(name: str) -> None:
        for _ in range(200):  # two links in each of fifty rows
            await page.keyboard.press("Tab")
            if name == await page.evaluate(
                "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
            ):
                outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"it is not seen that {name} has the focus"
                return
        raise AssertionError(f"Tab does not lead to {name}")

    await visit.open("/ui")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    await press_tab_until(LARGE)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/{LARGE}")
    await press_tab_until("Invocations")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**{INVOCATIONS}")
    await press_tab_until("Filters")
    await page.keyboard.press("Enter")
    await press_tab_until("failed")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**outcome=FAILED")
    await press_tab_until("Older")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"KeyError: {ENDED}", exact=True)).to_be_visible()
