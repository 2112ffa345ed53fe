"""`python -m tests.console.screenshots`: pictures of the console's pages for docs/console.md and the README, of a stack
on which the demo's example runs, and functions of examples/hello that have succeeded and failed.

Those that are in no other picture are spread over the day before, as a chart of one minute shows nothing.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import control_plane as cp
from control_plane.access.local_stacks import StackAccess
from playwright.async_api import Browser, Page, expect
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.cli.stacks import Ports, dev
from tests.console.chromium import ChromiumIsMissing, chromium
from tests.docs.pages import ROOT
from tests.e2e.project import Project

_IMAGES = ROOT / "docs" / "images"
_MOST_BYTES = 150_000
_WIDTH, _NARROW = 1_400, 400
_SPREAD = text(
    "UPDATE invocations SET creation_time = creation_time - random() * interval '23 hours'"
    " WHERE function_name = 'greet'"
)


async def main() -> int:
    try:
        async with chromium() as browser:
            with tempfile.TemporaryDirectory(prefix="control-plane-") as folder:
                data = Path(folder) / "data"
                async with dev(data, Ports.free()) as stack:
                    await _photograph_all(browser, await stack.ready(), data)
    except ChromiumIsMissing as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _photograph_all(browser: Browser, access: StackAccess, data: Path) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        for example in ("hello", "att48"):
            await client.deploy(example, ROOT / "examples" / example)
    failed, batch_id = await _fill(Project(access, "hello"))
    database = Database((await EmbeddedPostgres(data / "postgres").start()).url)  # finds the one that runs
    async with database.statement() as connection:
        await connection.execute(_SPREAD)
    await database.close()
    solve = await Project(access, "att48").invoke("solve", seed=1)
    async with await browser.new_context(
        base_url=access.api_url, viewport={"width": _WIDTH, "height": 900}, color_scheme="light"
    ) as context:
        page = await context.new_page()
        await page.goto("/ui/login")
        await page.get_by_label("API key").fill(access.api_key)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/ui")
        await _photograph_demo(page, f"/ui/invocations/{solve}")
        for name, path in (
            ("overview", "/ui"),
            ("project", "/ui/projects/hello"),
            ("function", "/ui/projects/hello/functions/greet"),
            ("invocations", "/ui/projects/att48/invocations"),
            ("failure", f"/ui/invocations/{failed}"),
            ("submit", "/ui/projects/att48/functions/anneal/submit"),
            ("batch", f"/ui/batches/{batch_id}"),
        ):
            await page.goto(path)
            await page.wait_for_load_state("networkidle" if name == "function" else "load")
            await _photograph(page, name)


async def _fill(project: Project) -> tuple[str, str]:
    """An invocation that failed, with its retries, and a batch of which some did."""
    functions = ["greet"] * 6 + ["fail"]
    calls = [(function, await project.invoke(function)) for function in functions]
    for function, invocation_id in calls:
        await project.ended(function, invocation_id)
    inputs = ['{"to": 2, "seconds": 0}', '{"to": 2, "seconds": -1}', '{"to": 3, "seconds": 0}']
    path = f"/projects/{project.name}/versions/latest/functions/count/batches"
    answer = await project.http.post(path, json={"inputs": inputs})
    batch_id = str(answer.raise_for_status().json()["batch_id"])
    while (counts := (await project.http.get(f"{path}/{batch_id}")).json()["counts"])["queued"] + counts["running"]:
        await asyncio.sleep(0.2)
    return calls[-1][1], batch_id


async def _photograph_demo(page: Page, path: str) -> None:
    """Once a round of it is over: in light, dark and as on a telephone."""
    await page.goto(path)
    await expect(page.get_by_role("main")).to_contain_text("round: 2", timeout=120_000)
    await page.locator("details.branches summary").first.click()
    await expect(page.locator("details.branches li").nth(2)).to_be_visible()
    await _photograph(page, "invocation")
    await page.emulate_media(color_scheme="dark")
    await _photograph(page, "invocation-dark")
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": _NARROW, "height": 900})
    await _photograph(page, "invocation-narrow")
    await page.set_viewport_size({"width": _WIDTH, "height": 900})


async def _photograph(page: Page, name: str) -> None:
    _IMAGES.mkdir(exist_ok=True)
    image = await page.screenshot(path=_IMAGES / f"console-{name}.png", animations="disabled")
    if len(image) > _MOST_BYTES:
        raise RuntimeError(f"the picture {name} has {len(image):,} bytes, more than {_MOST_BYTES:,}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
