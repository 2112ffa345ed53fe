"""The page of a batch."""

import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from tests.api.builders import deploy
from tests.api.console.browser import hidden_fields, words

SIZE = 5


@pytest.fixture
async def batch(client: httpx2.AsyncClient) -> str:
    """The path of its page."""
    deployed = await deploy(client)
    batches = deployed.invocations().replace("/invocations", "/batches")
    answer = await client.post(batches, json={"inputs": [str(number) for number in range(SIZE)]})
    assert answer.status_code == 200, answer.text
    return f"/ui/batches/{answer.json()['batch_id']}"


async def fail(database: Database, number: int) -> None:
    async with database.statement() as connection:
        for statement in (
            "UPDATE invocations SET status = 'TERMINATED', outcome = 'FAILED', error_message = '<b>no cocoa',"
            " attempts = 1, queued_ms = 0, starting_ms = 0, running_ms = 0 WHERE batch_index < :number",
            "UPDATE batches SET ended = :number, failed = :number",
        ):
            await connection.execute(text(statement), {"number": number})


async def test_how_far_it_is(browser: httpx2.AsyncClient, database: Database, batch: str) -> None:
    page = await browser.get(batch)
    assert "0 of 5 have ended" in words(page)
    assert "5 queued" in words(page)
    assert "Replay failures" not in words(page)
    await fail(database, 2)
    page = await browser.get(batch)
    said = words(page)
    assert "2 of 5 have ended" in said
    assert said.index("2 failed") < said.index("3 queued")
    assert page.text.count("&lt;b&gt;no cocoa") == 4, "among the failures, and in the list"
    assert "<b>no" not in page.text
    only = words(await browser.get(f"{batch}?outcome=FAILED"))
    assert "failed" in only
    progress = await browser.get(f"{batch}/progress")
    assert (progress.status_code, "<html" in progress.text) == (200, False)
    async with database.statement() as connection:
        await connection.execute(text("UPDATE batches SET completion_time = clock_timestamp()"))
    assert (await browser.get(f"{batch}/progress")).status_code == 286, "by which htmx asks no more"
    assert "Ended : 2 of 5" in words(await browser.get(batch))


async def test_batches_of_a_function(browser: httpx2.AsyncClient, batch: str) -> None:
    listed = await browser.get("/ui/projects/p/functions/f/batches")
    assert f'href="{batch}"' in listed.text
    assert "Running" in words(listed)
    assert "/ui/projects/p/functions/f/batches" in (await browser.get("/ui/projects/p/functions/f")).text
    assert (await browser.get("/ui/projects/p/functions/nobody/batches")).status_code == 404
    assert (await browser.get("/ui/projects/p/functions/f/batches?offset=x")).status_code == 400


async def test_cancelled(browser: httpx2.AsyncClient, client: httpx2.AsyncClient, batch: str) -> None:
    confirm = await browser.get(f"{batch}/cancel")
    assert "5 of 5 have not ended" in words(confirm)
    for _ in range(2):
        done = await browser.post(f"{batch}/cancel", data=hidden_fields(confirm))
        assert (done.status_code, done.headers["location"]) == (303, batch)
    found = (await client.get(batch.removeprefix("/ui"))).json()
    assert found["counts"]["CANCELLED"] == SIZE


async def test_failures_once_more(browser: httpx2.AsyncClient, database: Database, batch: str) -> None:
    await fail(database, 2)
    form = hidden_fields(await browser.get(f"{batch}/replay"))
    first, second = [await browser.post(f"{batch}/replay", data=form) for _ in range(2)]
    assert first.status_code == 303
    assert first.headers["location"] == second.headers["location"] != batch
    said = words(await browser.get(first.headers["location"]))
    assert "0 of 2 have ended" in said
    assert "several functions, a replay" in said


async def test_nothing_is_done_for_other_sites(browser: httpx2.AsyncClient, database: Database, batch: str) -> None:
    for action in ("cancel", "replay"):
        assert (await browser.post(f"{batch}/{action}", data={"form_token": "x"})).status_code == 403
    async with database.statement() as connection:
        assert (
            await connection.scalar(text("SELECT count(*) FROM batches WHERE cancellation_request_time IS NULL")) == 1
        )


async def test_there_is_no_such_batch(browser: httpx2.AsyncClient) -> None:
    assert (await browser.get("/ui/batches/bat-nobody")).status_code == 404
