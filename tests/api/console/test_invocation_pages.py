"""The page of an invocation: as it is, and live."""

import asyncio
import re
from dataclasses import replace
from html import unescape

import httpx2
import pytest
from sqlalchemy import text, update

from api.app import create_app
from api.console.page_headers import CONTENT_SECURITY_POLICY
from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from tests.api.builders import DEAD, FINISHED, ROOT_KEYS, STARTED, add_execution, deploy, function_spec, invoke
from tests.api.console.browser import log_in, words
from tests.api.container_log import CONTAINER, ContainerLog

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
LAUNCHED = {**CONTAINER, "launches": 1}
FAILED = {**FINISHED, **DEAD, **LAUNCHED, "outcome": "FAILED", "error_message": "KeyError: 'cocoa'"}


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


def page_of(invocation: str) -> str:
    return f"/ui/invocations/{id_of(invocation)}"


@pytest.fixture
async def invocation(client: httpx2.AsyncClient) -> str:
    deployed = await deploy(client, function_spec(execution_spec={"max_retries": 2}))
    return await invoke(client, deployed.invocations(), input='{"to": [3]}', tags={"team": "a"})


async def end(database: Database, invocation: str, outcome: str = "FAILED") -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == id_of(invocation))
            .values(status="TERMINATED", outcome=outcome, attempts=1, queued_ms=0, starting_ms=0, running_ms=0)
        )


def parts_of(stream: str) -> list[tuple[str, str]]:
    """Names of events, and what they hold."""
    found = []
    for block in stream.split("\n\n"):
        fields = [line.partition(": ") for line in block.splitlines()]
        data = "\n".join(value for name, _, value in fields if name == "data")
        found += [(value, data) for name, _, value in fields if name == "event"]
    return found


async def test_a_page_says_all(browser: httpx2.AsyncClient, invocation: str) -> None:
    page = await browser.get(page_of(invocation))
    said = words(page)
    assert page.status_code == 200
    assert "Queued for" in said
    assert "about to be taken up" in said
    assert f"control-plane describe {id_of(invocation)}" in said
    assert "Tag team a" in said
    assert "to : 1 item" in said
    assert "It has started none." in said
    assert f'sse-connect="{page_of(invocation)}/live"' in page.text
    assert "Temporal" not in said, "nobody has said where its pages are"


async def test_a_failure(browser: httpx2.AsyncClient, database: Database, invocation: str, log: ContainerLog) -> None:
    log.write("\x1b[31mred\x1b[0m\nlast\n")
    await add_execution(database, invocation, FAILED | {"error_traceback": "Traceback: cocoa", "output": '"half"'})
    await end(database, invocation)
    page = await browser.get(page_of(invocation))
    said = words(page)
    assert "Failed after" in said
    assert "Traceback: cocoa" in said
    assert '"half"' in said
    assert '<span class="ansi-red">red</span>' in page.text
    assert "sse-connect" not in page.text


async def test_nothing_that_users_say_is_more_than_text(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database, log: ContainerLog
) -> None:
    deployed = await deploy(client, function_spec("<b>f"))
    options = {"tags": {"<i>": EVIL}, "concurrency_key": EVIL}
    invocation = await invoke(client, deployed.invocations("<b>f"), input=f'{{"{"<u>"}": "{"<s>"}"}}', **options)
    log.write(f"{EVIL}\n\x1b[31m{EVIL}\n")
    state = FAILED | {"error_message": EVIL, "error_traceback": EVIL, "output": EVIL}
    await add_execution(database, invocation, state)
    await end(database, invocation)
    for path in ("", "/log", f"/log?search={EVIL}", "/live"):
        page = await browser.get(page_of(invocation) + path)
        assert page.status_code == 200
        assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert "alert(1)" in page.text
        assert not re.search(r"<(script(?! src=)|img|b>|i>|u>|s>)| on\w+=(?![^<]*&gt;)| style=", page.text), path
        assert EVIL in unescape(page.text)
    for path in ("/log.txt", "/output", "/input"):
        text_of = await browser.get(page_of(invocation) + path)
        assert text_of.headers["content-type"] == "text/plain; charset=utf-8"
        assert text_of.headers["x-content-type-options"] == "nosniff"


async def test_a_log_page_by_page(
    browser: httpx2.AsyncClient, database: Database, invocation: str, log: ContainerLog
) -> None:
    log.write("".join(f"line {number}\n" for number in range(600)))
    await add_execution(database, invocation, FAILED)
    last = words(await browser.get(page_of(invocation)))
    assert "line 599" in last
    assert "line 399 " not in last
    page = await browser.get(f"{page_of(invocation)}/log")
    assert "line 249" in words(page)
    assert "line 250" not in words(page)
    following = unescape(re.findall(r'href="([^"]+)" rel="next"', page.text)[0])
    assert "line 250" in words(await browser.get(following))
    found = words(await browser.get(f"{page_of(invocation)}/log", params={"search": "LINE 59"}))
    assert re.findall(r"line \d+", found) == [f"line {number}" for number in (59, *range(590, 600))]
    assert "No line has that text." in words(await browser.get(f"{page_of(invocation)}/log?search=nobody"))
    assert (await browser.get(f"{page_of(invocation)}/log.txt")).text.count("\n") == 600
    assert (await browser.get(f"{page_of(invocation)}/log?attempt=2")).status_code == 404
    assert (await browser.get(f"{page_of(invocation)}/log?offset=x")).status_code == 400


async def test_the_history_is_where_operators_say(services: Services, invocation: str) -> None:
    there = replace(services, workflows_url="https://temporal.test/namespaces/n/workflows")
    transport = httpx2.ASGITransport(app=create_app(there, has_console=True))
    async with httpx2.AsyncClient(transport=transport, base_url="http://console.test") as visitor:
        await log_in(visitor, ROOT_KEYS[0])
        page = await visitor.get(page_of(invocation))
    assert f'href="https://temporal.test/namespaces/n/workflows/{id_of(invocation)}"' in page.text


async def test_what_is_not_there(browser: httpx2.AsyncClient, invocation: str) -> None:
    for path in ("/ui/invocations/inv-nobody", "/ui/invocations/inv-nobody/live", f"{page_of(invocation)}/log"):
        assert (await browser.get(path)).status_code == 404


async def test_a_live_page(
    browser: httpx2.AsyncClient, services: Services, database: Database, invocation: str, log: ContainerLog
) -> None:
    log.write("early\n")
    execution = await add_execution(database, invocation, {**STARTED, **LAUNCHED, "container_status": "RUNNING"})
    following = asyncio.create_task(browser.get(f"{page_of(invocation)}/live"))

    async def later(statement: str) -> None:
        async with database.statement() as connection:
            await connection.execute(text(statement), {"execution_id": id_of(execution)})

    async with asyncio.timeout(30):
        while services.event_streams.count == 0:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.2)  # parts are made anew once a second
        log.write("late\n")
        await later(
            "UPDATE executions SET output = '7', last_update_time = clock_timestamp()"
            " WHERE execution_id = :execution_id"
        )
        await asyncio.sleep(1.2)
        await later(
            "UPDATE executions SET worker_status = 'TERMINATED', outcome = 'SUCCEEDED', execution_finish_time ="
            " clock_timestamp(), last_update_time = clock_timestamp() WHERE execution_id = :execution_id"
        )
        await end(database, invocation, "SUCCEEDED")
        stream = await following
    parts = parts_of(stream.text)
    assert [name for name, _ in parts[:6]] == ["word", "status", "attempts", "outcome", "children", "log"]
    assert "early" in parts[5][1]
    assert "late" not in parts[5][1]
    assert ["late" in html for name, html in parts if name == "log_lines"] == [True]
    words_said = [html.strip() for name, html in parts if name == "word"]
    assert words_said == ["Running", "Succeeded"]
    outcomes = [html for name, html in parts if name == "outcome"]
    assert "Nothing was reported yet." in outcomes[0]
    assert "Progress" in outcomes[1]
    assert "7" in outcomes[1]
    assert "Output" in outcomes[-1]
    assert parts[-1][0] == "end"
    assert [name for name, _ in parts].count("children") == 1, "what has not changed is not sent again"


async def test_a_page_opened_again_begins_with_all(
    browser: httpx2.AsyncClient, database: Database, invocation: str, log: ContainerLog
) -> None:
    log.write("one\ntwo\n")
    await add_execution(database, invocation, FAILED)
    await end(database, invocation)
    answer = await browser.get(f"{page_of(invocation)}/live", headers={"Last-Event-ID": "whatever"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    parts = parts_of(answer.text)
    assert [name for name, _ in parts] == ["word", "status", "attempts", "outcome", "children", "log", "end"]
    assert "two" in dict(parts)["log"]


async def test_live_pages_are_streams_of_which_a_process_serves_so_many(
    browser: httpx2.AsyncClient, services: Services, invocation: str
) -> None:
    with services.event_streams.place(is_root=True):
        assert services.event_streams.count == 1
    services.event_streams._max_streams = 0
    assert (await browser.get(f"{page_of(invocation)}/live")).status_code == 503
    assert (await browser.get(page_of(invocation))).status_code == 200
    assert services.event_streams.count == 0


async def test_whoever_asks_for_the_headers_alone_opens_no_stream(
    browser: httpx2.AsyncClient, services: Services, invocation: str
) -> None:
    async with asyncio.timeout(20):
        answer = await browser.head(f"{page_of(invocation)}/live")
    assert (answer.status_code, answer.text) == (200, "")
    assert services.event_streams.count == 0


async def test_children_are_counted(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    children = invocation.rsplit("/", 1)[0]
    parent = {"function_name": "f", "invocation_id": id_of(invocation)}
    child = await invoke(client, children, parent_invocation=parent)
    await invoke(client, children, parent_invocation=parent)
    await end(database, child)
    assert "2 in all, 1 failed , 1 queued" in words(await browser.get(page_of(invocation)))
    assert f"/ui/invocations/{id_of(invocation)}" in (await browser.get(page_of(child))).text


async def test_a_stopped_process_ends_its_streams(
    browser: httpx2.AsyncClient, services: Services, invocation: str
) -> None:
    following = asyncio.create_task(browser.get(f"{page_of(invocation)}/live"))
    async with asyncio.timeout(20):
        while services.event_streams.count == 0:
            await asyncio.sleep(0.01)
        services.event_streams.stop()
        assert "end" not in dict(parts_of((await following).text))
