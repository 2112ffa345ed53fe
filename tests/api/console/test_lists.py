"""Pages of projects, functions and invocations: what they show, and that what users write stays text."""

import re
from datetime import UTC, datetime
from html import unescape
from itertools import chain

import httpx2
import pytest
from sqlalchemy import text

from api.console import links
from api.console.views.texts import ABSENT
from control_plane_server.catalog.database import Database
from tests.api.builders import FINISHED, add_execution, deploy, function_spec, invoke
from tests.api.console.browser import words

SCRIPT = "<script>alert('1')</script>\"&"
NAME = SCRIPT.replace("/", "|")  # a slash would be a part of a path


def linked(page: httpx2.Response, label: str) -> str:
    """Where the link of this text leads."""
    (link,) = re.findall(rf'<a [^>]*?href="([^"]+)"[^>]*>{label}</a>', page.text)
    return unescape(link)


def ids(page: httpx2.Response) -> list[str]:
    return re.findall(r'<a href="/ui/invocations/(inv-[0-9a-f]+)"', page.text)


async def test_what_users_write_stays_text(browser: httpx2.AsyncClient, client: httpx2.AsyncClient) -> None:
    project = NAME[:60]
    spec = function_spec(NAME)
    encoded = links.project(project).removeprefix("/ui")  # as the REST API has it
    assert (await client.put(encoded)).status_code == 200
    answer = await client.post(f"{encoded}/versions", json={"default_docker_image": SCRIPT, "functions": [spec]})
    assert answer.status_code == 200
    function = links.function(project, NAME)
    invocations = f"{encoded}/versions/latest{function.removeprefix(links.project(project))}/invocations"
    options = {"tags": {SCRIPT: SCRIPT}, "concurrency_key": SCRIPT, "concurrency_limit": 1}
    await invoke(client, invocations, **options)
    schedule = {"function_name": NAME, "every_seconds": 60, "input": SCRIPT}
    assert (await client.put(f"{encoded}/schedules/s", json=schedule)).is_success
    assert (await client.put(f"{encoded}/webhooks/w", json={"url": f"https://93.184.215.14/{NAME}"})).is_success
    query = {"tag": f"{SCRIPT}:{SCRIPT}", "concurrency_key": SCRIPT}
    for path in (
        "/ui",
        links.project(project),
        links.project_versions(project),
        function,
        links.function_day(project, NAME),
        links.project_invocations(project),
        links.project_invocations(project, *query.items()),
        links.project_invocations(project, ("tag", NAME.replace(":", ""))),
        links.function(project, NAME, ("since", SCRIPT), ("status", SCRIPT)),
    ):
        page = await browser.get(path)
        assert page.status_code in (200, 400), path
        assert "<script>" not in page.text
        assert "alert('1')" not in page.text
        assert "<script>alert('1')<" in words(page), path
    found = await browser.get(links.project_invocations(project, *query.items()))
    assert len(ids(found)) == 1
    assert f"key {SCRIPT}" in words(found)


async def test_overview_and_project(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database
) -> None:
    assert "There is no project yet." in words(await browser.get("/ui"))
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    await client.put("/projects/q")
    failed = await invoke(client, deployed.invocations("f"))
    await invoke(client, deployed.invocations("f"))
    async with database.statement() as connection:
        await connection.execute(
            text("UPDATE invocations SET status = 'TERMINATED', outcome = 'FAILED' WHERE invocation_id = :id"),
            {"id": failed.rpartition("/")[2]},
        )
        await connection.execute(text("UPDATE functions SET preparation_error = 'no image' WHERE function_name = 'g'"))
        await connection.execute(text("UPDATE projects SET pause_time = now() WHERE project_name = 'q'"))
    overview = await browser.get("/ui")
    assert "p / g never will be ready: no image" in words(overview)
    assert "q is paused, since" in words(overview)
    assert f"p 1 0 {ABSENT} 1" in words(overview)
    failures = await browser.get(linked(overview, "1<span.*?</span>"))
    assert ids(failures) == [failed.rpartition("/")[2]]
    project = words(await browser.get("/ui/projects/p"))
    assert "Functions of the latest version (2)" in project
    assert f"f pending 1 0 {ABSENT} 1 failed of f 3 1 2 0 60" in project
    assert f"g refused 0 0 {ABSENT} 0 3 1 2 0 60" in project
    assert "latest refused" in project
    assert "None. control-plane deploy FOLDER declares one." in words(await browser.get("/ui/projects/q"))
    assert (await browser.get("/ui/projects/nobody")).status_code == 404


async def test_lists_of_a_project_and_of_projects_have_pages(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database
) -> None:
    await deploy(client, *(function_spec(f"f-{n:03}") for n in range(101)))
    async with database.statement() as connection:
        for statement in (
            "INSERT INTO projects (project_name) SELECT 'q-' || to_char(n, 'FM000') FROM generate_series(1, 60) n",
            "INSERT INTO secrets (project_name, secret_name, encrypted_value, encryption_key, creation_time)"
            " SELECT 'p', 'S_' || to_char(n, 'FM000'), '', '', now() FROM generate_series(1, 51) n",
        ):
            await connection.execute(text(statement))
    first = await browser.get("/ui")
    assert "q-049" in words(first)
    assert "q-050" not in words(first)
    second = await browser.get(linked(first, "Further"))
    assert "q-049" not in words(second)
    assert "q-050" in words(second)
    assert "q-060" in words(second)
    assert linked(second, "First") == "/ui"
    project = await browser.get("/ui/projects/p")
    assert "f-099" in words(project)
    assert "f-100" not in words(project)
    assert "S_050" in words(project)
    assert "S_051" not in words(project)
    assert "f-100" in words(await browser.get(linked(project, "Further")))
    further = await browser.get(linked(project, "Older"))
    assert "S_051" in words(further)
    assert linked(further, "Newest") == "/ui/projects/p"


async def test_pages_of_invocations_lead_on_and_back(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client, function_spec("f", resource_spec={"max_concurrency": 1}))
    body = {"inputs": ["1"] * 120}
    assert (await client.post(f"{deployed.version}/functions/f/batches", json=body)).status_code == 200
    for path in (links.project_invocations("p"), links.function("p", "f")):
        page = first = await browser.get(path, params={"status": "RUNNING"})
        seen = [ids(page)]
        for _ in range(2):
            page = await browser.get(linked(page, "Older"))
            seen.append(ids(page))
        assert [len(one) for one in seen] == [50, 50, 20]
        assert len(set(chain(*seen))) == 120
        assert "Older" not in words(page)
        page = await browser.get(linked(page, "Newer"))
        assert ids(page) == seen[1]
        page = await browser.get(linked(page, "Newer"))
        assert ids(page) == seen[0]
        assert "Newer" not in words(page)
        assert "Older" in words(first)


async def test_filters(browser: httpx2.AsyncClient, client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    one = (await invoke(client, deployed.invocations("f"), tags={"env": "live", "run": "7"})).rpartition("/")[2]
    other = (await invoke(client, deployed.invocations("g"))).rpartition("/")[2]
    path = links.project_invocations("p")
    hour = f"{datetime.now(UTC).year + 1}-01-01T00:00"
    for fields, found in (
        ({"tag": ["env:live", "run:7"]}, {one}),
        ({"tag": ["env:live", "run:8"]}, set()),
        ({"function_name": "g"}, {other}),
        ({"status": "RUNNING", "since": "2020-01-01T00:00", "until": hour, "tag": ""}, {one, other}),
        ({"since": hour}, set()),
        ({"status": "TERMINATED"}, set()),
        ({"outcome": ["FAILED", "SUCCEEDED"]}, set()),
        ({"version_id": deployed.version_id, "function_name": "f"}, {one}),
    ):
        page = await browser.get(path, params=fields)
        assert set(ids(page)) == found, fields
    assert ids(await browser.get(links.function("p", "g"), params={"function_name": "f"})) == [other]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"tag": "env"}, "A tag is looked for as key:value, which env is not."),
        ({"since": "yesterday"}, "From is a time as 2026-03-01T12:00, not yesterday."),
        ({"status": "asleep"}, "State is RUNNING or TERMINATED, not asleep."),
        ({"outcome": "bad"}, "Outcome is one of SUCCEEDED, FAILED, ABORTED, CANCELLED, TIMED_OUT, not bad."),
    ],
)
async def test_filters_that_cannot_be(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, fields: dict[str, str], problem: str
) -> None:
    await deploy(client)
    for path in (links.project_invocations("p"), links.function("p", "f")):
        page = await browser.get(path, params=fields)
        assert page.status_code == 400
        assert problem in words(page)
        assert "Filter" in words(page)
    offset = await browser.get(links.project_invocations("p"), params={"offset": "x"})
    assert offset.status_code == 400


async def test_a_function(browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    invocation = await invoke(client, deployed.invocations())
    await add_execution(database, invocation, FINISHED)
    async with database.statement() as connection:
        await connection.execute(
            text(
                "UPDATE invocations SET status = 'TERMINATED', outcome = 'SUCCEEDED', queued_ms = 500,"
                " starting_ms = 700, running_ms = 90000, attempts = 1"
            )
        )
    page = words(await browser.get(links.function("p", "f")))
    for fact in ("Memory 2 GB", "At once 3", "Timeout 1 min", "succeeded", "500 ms", "700 ms", "1 min 30 s"):
        assert fact in page
    series = (await browser.get(links.function_series("p", "f"))).json()
    assert (series["succeeded"], series["waited_most"], series["ran_median"]) == ([1], [1.2], [90.0])
    assert series["span"][1] - series["span"][0] == pytest.approx(86_400, abs=60)
    assert "1 0 0 0 1.2 s 1 min 30 s 1 min 30 s" in words(await browser.get(links.function_day("p", "f")))
    assert "None has ended." in words(await browser.get(links.function_day("p", "nobody")))
    for path in (links.function("p", "nobody"), links.function("nobody", "f"), links.function_series("nobody", "f")):
        assert (await browser.get(path)).status_code == 404
    await deploy(client, function_spec("g"))
    assert "The latest version has no such function." in words(await browser.get(links.function("p", "f")))
    versions = await browser.get(links.project_versions("p"))
    assert deployed.version_id in words(versions)
    later = await browser.get(links.project_versions("p"), params={"start": deployed.version_id})
    assert words(later).count("ver-") < words(versions).count("ver-")
