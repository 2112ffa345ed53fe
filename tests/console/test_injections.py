"""Markup in all that users write is shown as text, in a browser that would run it."""

from playwright.async_api import expect

from api.console import links
from tests.console.accessibility import violations
from tests.console.conftest import PROJECT
from tests.console.visits import Visit
from tests.e2e.project import Project

NAME = "\"'><img src=x onerror=alert(1) class=injected>{{7*7}}"  # a part of paths
TEXT = f"{NAME}</textarea></title><script class=injected>alert(2)</script>&lt;"


_IS_SHOWN = """text => [
    document.body.textContent, ...[...document.querySelectorAll("input")].map(one => one.value)
].some(one => one.includes(text))"""


async def check(visit: Visit, path: str) -> None:
    """Dialogs, errors and breaches of the policy are the visit's problems."""
    answer = await visit.page.goto(path)
    assert answer is not None
    assert answer.status in (200, 400), path
    await visit.page.wait_for_function(_IS_SHOWN, arg=NAME)
    assert await visit.page.locator(".injected").count() == 0, path
    assert "alert" not in await visit.page.evaluate("[...document.scripts].map(one => one.textContent).join()")


async def test_names_and_declarations(visit: Visit, project: Project) -> None:
    encoded = links.project(NAME).removeprefix("/ui")  # as the REST API has it
    function = {
        "function_name": NAME,
        "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 1},
        "execution_spec": {"max_retries": 0, "timeout_seconds": 60},
    }
    version = {"default_docker_image": TEXT, "functions": [function]}
    (await project.http.put(encoded)).raise_for_status()
    (await project.http.post(f"{encoded}/versions", json=version)).raise_for_status()
    at = links.function(NAME, NAME).removeprefix(links.project(NAME))
    options = {"tags": {TEXT[:60]: TEXT}, "concurrency_key": TEXT, "concurrency_limit": 1}
    answer = await project.http.post(f"{encoded}/versions/latest{at}/invocations", json={"input": TEXT, **options})
    invocation_id = answer.raise_for_status().json()["invocation_id"]
    batch = {"inputs": ["1", "2"], **options}
    answer = await project.http.post(f"{encoded}/versions/latest{at}/batches", json=batch)
    batch_id = answer.raise_for_status().json()["batch_id"]
    schedule = {"function_name": NAME, "every_seconds": 86_400, "input": TEXT}
    (await project.http.put(f"{encoded}/schedules/s", json=schedule)).raise_for_status()
    for path in (
        "/ui",
        links.project(NAME),
        links.project_versions(NAME),
        links.function(NAME, NAME),
        links.function_day(NAME, NAME),
        links.project_invocations(NAME),
        links.project_invocations(NAME, ("tag", f"{TEXT[:60]}:{TEXT}"), ("concurrency_key", TEXT)),
        links.project_invocations(NAME, ("status", TEXT), ("version_id", TEXT)),
        links.submit(NAME, NAME, ("like", invocation_id)),
        *(links.invocation_part(invocation_id, part) for part in ("cancel", "children")),
        links.invocation(invocation_id),
    ):
        await check(visit, path)
    for path in (links.function_batches(NAME, NAME), links.batch(batch_id), links.batch_part(batch_id, "cancel")):
        await check(visit, path)
        assert await violations(visit.page) == []
    visit.problems[:] = [one for one in visit.problems if "status of 400" not in one]  # there is no such state


async def test_what_runs_says(visit: Visit, project: Project) -> None:
    for fails in (False, True):
        invocation_id = await project.invoke("repeat", text=TEXT, fails=fails)
        page = links.invocation(invocation_id)
        await check(visit, page)
        await project.ended("repeat", invocation_id)
        await check(visit, page)
        await expect(visit.page.get_by_label("The last lines of the log")).to_contain_text(NAME)
        await check(visit, links.invocation_part(invocation_id, "log", ("search", NAME)))
        await check(visit, links.submit(PROJECT, "repeat", ("like", invocation_id)))
    for part in ("input", "output", "log.txt"):
        answer = await visit.page.request.get(links.invocation_part(invocation_id, part))
        assert answer.ok
        assert "html" not in answer.headers["content-type"]
    await check(visit, links.project_invocations(PROJECT, ("function_name", "repeat")))
