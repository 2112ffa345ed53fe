"""What holds for every page: axe-core finds nothing, in light and dark, and nothing goes wrong in the browser."""

from collections.abc import AsyncIterator

import pytest

from tests.console.accessibility import violations
from tests.console.visits import Visit
from tests.e2e.project import Project

PAGES = {
    "overview": "/ui",
    "project": "/ui/projects/shop",
    "versions": "/ui/projects/shop/versions",
    "function": "/ui/projects/shop/functions/price",
    "day": "/ui/projects/shop/functions/price/day",
    "invocations": "/ui/projects/shop/invocations?tag=customer:7&outcome=FAILED&outcome=SUCCEEDED",
    "none": "/ui/projects/shop/invocations?tag=customer:8",
}


# What is wide is scrolled by itself. Charts are drawn anew a moment later.
FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(scope="module")
async def filled(project: Project) -> AsyncIterator[Project]:
    """Something of all that pages show."""
    for product in ("tea", "coffee"):
        body = {"input": f'{{"product": "{product}"}}', "tags": {"customer": "7"}, "concurrency_key": "customer-7"}
        path = f"/projects/{project.name}/versions/latest/functions/price/invocations"
        answer = await project.http.post(path, json=body | {"concurrency_limit": 2})
        await project.ended("price", answer.json()["invocation_id"])
    schedule = {"function_name": "price", "cron": "0 2 * * *", "input": '{"product": "tea"}'}
    (await project.http.put(f"/projects/{project.name}/schedules/nightly", json=schedule)).raise_for_status()
    webhook = {"url": "https://93.184.215.14/told", "events": ["invocation.timed_out"]}  # none is sent
    (await project.http.put(f"/projects/{project.name}/webhooks/ci", json=webhook)).raise_for_status()
    await project.set_secret("TOKEN", "secret")
    function = f"/projects/{project.name}/versions/latest/functions/order"
    (await project.http.put(f"{function}/pause")).raise_for_status()
    yield project
    (await project.http.put(f"{function}/resume")).raise_for_status()


@pytest.mark.parametrize("name", PAGES)
async def test_a_page(visit: Visit, filled: Project, name: str) -> None:
    await visit.open(PAGES[name])
    await visit.page.wait_for_load_state("networkidle")
    assert await violations(visit.page) == []
    await visit.page.set_viewport_size({"width": 400, "height": 800})
    await visit.page.wait_for_function(FITS)


async def test_the_login(stranger: Visit) -> None:
    await stranger.open("/ui/login")
    assert await violations(stranger.page) == []


async def test_an_error(visit: Visit) -> None:
    await visit.page.goto("/ui/projects/nobody")
    assert await violations(visit.page) == []
    (problem,) = visit.problems
    assert "404" in problem
    visit.problems.clear()


async def test_what_goes_wrong_would_be_seen(visit: Visit) -> None:
    await visit.open("/ui")
    await visit.page.evaluate("""() => {
            document.querySelector("main").innerHTML = '<p style="color: #999">x</p><img src="x" onerror="alert(1)">';
            document.querySelector("main").innerHTML += '<img src="http://example.test/x">';
        }""")
    assert [line for line in await violations(visit.page) if "image-alt" in line]
    assert [problem for problem in visit.problems if "inline style" in problem]
    assert [problem for problem in visit.problems if "event handler" in problem]
    assert [problem for problem in visit.problems if "example.test" in problem]
    visit.problems.clear()
