"""Cancel and replay, as somebody does who has no scripts."""

import httpx2
import pytest
from sqlalchemy import select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from tests.api.builders import FINISHED, add_execution, deploy, invoke
from tests.api.console.browser import hidden_fields, words


def page_of(invocation: str) -> str:
    return f"/ui/invocations/{invocation.rsplit('/', 1)[1]}"


@pytest.fixture
async def invocation(client: httpx2.AsyncClient) -> str:
    return await invoke(client, (await deploy(client)).invocations(), tags={"a": "<b>"}, delay_seconds=5)


async def end(database: Database, invocation: str) -> None:
    await add_execution(database, invocation, FINISHED)
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation.rsplit("/", 1)[1])
            .values(status="TERMINATED", outcome="SUCCEEDED", attempts=1, queued_ms=0, starting_ms=0, running_ms=0)
        )


async def test_cancelled(browser: httpx2.AsyncClient, client: httpx2.AsyncClient, invocation: str) -> None:
    cancel = f"{page_of(invocation)}/cancel"
    assert cancel in (await browser.get(page_of(invocation))).text
    form = hidden_fields(await browser.get(cancel))
    for _ in range(2):
        done = await browser.post(cancel, data=form)
        assert (done.status_code, done.headers["location"]) == (303, page_of(invocation))
    assert (await client.get(invocation)).json()["cancellation_request_time"] is not None
    assert "Cancelling for" in words(await browser.get(page_of(invocation)))


async def test_what_has_ended_is_not_cancelled(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    form = hidden_fields(await browser.get(f"{page_of(invocation)}/cancel"))
    await end(database, invocation)
    assert (await browser.post(f"{page_of(invocation)}/cancel", data=form)).status_code == 303
    assert (await client.get(invocation)).json()["cancellation_request_time"] is None


async def test_replayed_once_by_a_form_that_is_sent_twice(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    await end(database, invocation)
    form = hidden_fields(await browser.get(f"{page_of(invocation)}/replay"))
    first, second = [await browser.post(f"{page_of(invocation)}/replay", data=form) for _ in range(2)]
    assert first.status_code == 303
    assert first.headers["location"] == second.headers["location"] != page_of(invocation)
    new = (await client.get(f"/invocations/{first.headers['location'].rsplit('/', 1)[1]}")).json()
    assert new["replayed_from"] == invocation.rsplit("/", 1)[1]
    assert (new["tags"], new["delay_seconds"]) == ({"a": "<b>"}, 0)
    page = await browser.get(first.headers["location"])
    assert f'href="{page_of(invocation)}"' in page.text
    again = hidden_fields(await browser.get(f"{page_of(invocation)}/replay")) | {"version_ref": "latest"}
    third = await browser.post(f"{page_of(invocation)}/replay", data=again)
    assert third.headers["location"] not in (first.headers["location"], page_of(invocation))


async def test_what_runs_is_not_replayed(browser: httpx2.AsyncClient, invocation: str) -> None:
    form = hidden_fields(await browser.get(f"{page_of(invocation)}/replay"))
    refused = await browser.post(f"{page_of(invocation)}/replay", data=form)
    assert refused.status_code == 409
    assert "has not ended" in words(refused)


@pytest.mark.parametrize("action", ["cancel", "replay"])
async def test_nothing_is_done_for_other_sites(
    browser: httpx2.AsyncClient, database: Database, invocation: str, action: str
) -> None:
    for form in ({}, {"form_token": "x"}):
        assert (await browser.post(f"{page_of(invocation)}/{action}", data=form)).status_code == 403
    async with database.statement() as connection:
        found = (await connection.execute(select(InvocationRow.cancellation_request_time))).all()
    assert [row.cancellation_request_time for row in found] == [None]


async def test_children_as_a_list_and_as_a_tree(
    browser: httpx2.AsyncClient, client: httpx2.AsyncClient, invocation: str
) -> None:
    parent = {"function_name": "f", "invocation_id": invocation.rsplit("/", 1)[1]}
    invocations = invocation.rsplit("/", 1)[0]
    made = [await invoke(client, invocations, parent_invocation=parent) for _ in range(22)]
    listed = await browser.get(f"{page_of(invocation)}/children")
    assert all(f'"{page_of(child)}"' in listed.text for child in made)
    assert "There are none like that." in words(await browser.get(f"{page_of(invocation)}/children?outcome=FAILED"))
    branch = await browser.get(f"{page_of(invocation)}/tree?project=p")
    assert branch.text.count("Its children") == 20
    assert "More" in branch.text
    assert "There are none." in words(await browser.get(f"{page_of(made[0])}/tree?project=p"))
    assert (await browser.get(f"{page_of(invocation)}/tree?project=other")).status_code == 404
