"""An invocation's page: watched while it runs, and what leads on from it."""

import os
import re
import signal
from pathlib import Path

from control_plane.machine.records import read_record
from playwright.async_api import expect

from control_plane_server.cli.stack.folder import DataFolder
from tests.console.accessibility import violations
from tests.console.visits import Visit
from tests.e2e.project import Project


async def test_watched_from_its_start_to_its_end(visit: Visit, project: Project, tmp_path: Path) -> None:
    """Nothing is loaded anew: the page hears of everything."""
    page = visit.page
    until = tmp_path / "go-on"
    invocation_id = await project.invoke("count", to=3, until=str(until))
    await visit.open(f"/ui/invocations/{invocation_id}")
    await expect(page.get_by_text("Running", exact=False).first).to_be_visible()
    log = page.get_by_label("The last lines of the log")
    await expect(log).to_contain_text("counted to 1")
    await expect(page.get_by_role("main")).to_contain_text("counted: 1")
    assert await violations(page) == []
    until.touch()
    await expect(page.get_by_role("heading", name="Output")).to_be_visible()
    await expect(page.get_by_role("main")).to_contain_text("counted_to: 3")
    await expect(log).to_contain_text("counted to 3")
    assert len(await log.get_by_role("listitem").all()) == 3
    assert await violations(page) == []
    assert sum(address.endswith(invocation_id) for address in visit.addresses) == 1, "loaded once"


async def test_a_page_comes_back_when_api_was_killed(
    visit: Visit, project: Project, stack_folder: Path, tmp_path: Path
) -> None:
    page = visit.page
    until = tmp_path / "go-on"
    invocation_id = await project.invoke("count", to=3, until=str(until))
    await visit.open(f"/ui/invocations/{invocation_id}")
    log = page.get_by_label("The last lines of the log")
    await expect(log).to_contain_text("counted to 1")
    api = read_record(DataFolder(stack_folder).record("api"))
    assert api is not None
    os.kill(api.pid, signal.SIGKILL)
    until.touch()
    await expect(page.get_by_role("main")).to_contain_text("counted_to: 3")
    await expect(log.get_by_role("listitem")).to_have_text([re.compile(f"counted to {n}$") for n in (1, 2, 3)])
    assert sum(address.endswith(invocation_id) for address in visit.addresses) == 1, "loaded once"
    # The browser and htmx report that the stream was lost.
    visit.problems[:] = [one for one in visit.problems if "net::ERR_" not in one and "[object Event]" not in one]


async def test_a_failure_says_why(visit: Visit, project: Project) -> None:
    page = visit.page
    invocation_id = await project.invoke("price", product="coffee")
    await project.ended("price", invocation_id)
    await visit.open(f"/ui/invocations/{invocation_id}")
    await expect(page.get_by_role("main")).to_contain_text("KeyError: 'coffee'")
    await expect(page.get_by_role("main")).to_contain_text("prices[product]")
    assert await violations(page) == []
    await page.set_viewport_size({"width": 400, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400


async def test_from_a_parent_to_its_child_and_back(visit: Visit, project: Project) -> None:
    page = visit.page
    parent = await project.invoke("order", product="tea")
    await project.ended("order", parent)
    await visit.open(f"/ui/invocations/{parent}")
    await page.locator("summary", has_text="The newest, and what these have started").click()
    child = page.locator("details.branches li a").first
    await expect(page.get_by_text("Its children")).to_be_visible()
    assert await violations(page) == []
    await child.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("price")
    await visit.follow(f"order {parent}")
    await visit.follow("All children")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Children of order")
    assert await page.get_by_role("rowheader").count() == 1
    assert await violations(page) == []


async def test_one_is_cancelled(visit: Visit, project: Project) -> None:
    page = visit.page
    invocation_id = await project.invoke("count", to=1, until="/nowhere")
    await visit.open(f"/ui/invocations/{invocation_id}")
    await visit.follow("Cancel")
    assert await violations(page) == []
    await page.get_by_role("button", name="Cancel it").click()
    await page.wait_for_url(f"**/{invocation_id}")
    await expect(page.get_by_role("link", name="Replay")).to_be_visible()
    await expect(page.locator(".sentence")).to_contain_text("Cancelled")


async def test_one_is_replayed(visit: Visit, project: Project) -> None:
    page = visit.page
    invocation_id = await project.invoke("price", product="tea", quantity=3)
    await project.ended("price", invocation_id)
    await visit.open(f"/ui/invocations/{invocation_id}")
    await visit.follow("Replay")
    assert await violations(page) == []
    await page.get_by_role("button", name="Replay").click()
    await expect(page.get_by_role("link", name=invocation_id)).to_be_visible()  # what it is a replay of
    await expect(page.get_by_role("main")).to_contain_text("price: 12")


async def test_one_is_submitted_by_a_form(visit: Visit, project: Project) -> None:
    page = visit.page
    await visit.open(f"/ui/projects/{project.name}/functions/price")
    await visit.follow("Submit")
    await page.get_by_label("product").fill("tea")
    await page.get_by_label("quantity").fill("many")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_label("quantity")).to_have_attribute("aria-invalid", "true")
    assert await violations(page) == []
    visit.problems.clear()  # the browser reports the status 400
    await page.get_by_label("quantity").fill("2")
    await page.get_by_label("express").check()
    await page.locator("summary", has_text="Options").click()
    await page.get_by_label("Tags").fill("run=form")
    await page.get_by_role("button", name="Submit").dblclick()
    await expect(page.get_by_role("main")).to_contain_text("price: 8")
    await expect(page.get_by_role("main")).to_contain_text("express: true")
    found = await project.http.get(f"/projects/{project.name}/invocations", params={"tag": "run:form"})
    assert len(found.json()["invocations"]) == 1, "the second click has not submitted another one"


async def test_a_batch_and_its_failures(visit: Visit, project: Project) -> None:
    page = visit.page
    body = {"inputs": [f'{{"product": "{product}"}}' for product in ("tea", "coffee", "tea")]}
    path = f"/projects/{project.name}/versions/latest/functions/price/batches"
    batch_id = (await project.http.post(path, json=body)).raise_for_status().json()["batch_id"]
    await visit.open(f"/ui/batches/{batch_id}")
    await expect(page.get_by_text("3 of 3")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("region", name="The newest failures")).to_contain_text("KeyError: 'coffee'")
    assert await violations(page) == []
    await visit.follow("Replay failures")
    assert await violations(page) == []
    await page.get_by_role("button", name="Replay").click()
    await expect(page.get_by_text(" of 1")).to_be_visible()


async def test_a_log_is_searched(visit: Visit, project: Project) -> None:
    page = visit.page
    invocation_id = await project.invoke("count", to=12)
    await project.ended("count", invocation_id)
    await visit.open(f"/ui/invocations/{invocation_id}")
    await page.get_by_label("Search the log").fill("counted to 1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Lines of the log").get_by_role("listitem")).to_have_count(4)
    assert await violations(page) == []
