"""The Idempotency-Key of a submit: one invocation per key, project and function, whatever `latest` means by then."""

import asyncio

import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from tests.api.builders import PROJECT, deploy, function_spec

LATEST = "/projects/p/versions/latest/functions/f/invocations"
FUNCTIONS = (function_spec("f"), function_spec("g"))


def keyed(key: str = "k") -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeat_answers_with_the_first_invocation_even_if_latest_has_moved(
    client: httpx2.AsyncClient,
) -> None:
    first = await client.post((await deploy(client, *FUNCTIONS)).invocations(), json={"input": "1"}, headers=keyed())
    await client.put(f"{LATEST}/{first.json()['invocation_id']}/cancel")
    await deploy(client, *FUNCTIONS)
    repeat = await client.post(LATEST, json={"input": "1", "unknown_field": 1}, headers=keyed())
    assert (first.status_code, repeat.status_code) == (200, 200)
    assert repeat.json()["invocation_id"] == first.json()["invocation_id"]
    assert repeat.json()["cancellation_request_time"] is not None


async def test_other_keys_functions_and_projects_are_other_invocations(client: httpx2.AsyncClient) -> None:
    await deploy(client, *FUNCTIONS)
    body = {"input": "1"}
    made = [
        await client.post(LATEST, json=body, headers=keyed("k")),
        await client.post(LATEST, json=body, headers=keyed("l")),
        await client.post(LATEST.replace("/f/", "/g/"), json=body, headers=keyed("k")),
        await client.post(LATEST, json=body),
        await client.post(LATEST, json=body),
    ]
    assert len({answer.json()["invocation_id"] for answer in made}) == 5


async def test_the_same_key_with_another_body_is_refused(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    first = await client.post(LATEST, json={"input": "1"}, headers=keyed())
    parent = {"function_name": "f", "invocation_id": first.json()["invocation_id"]}
    for body in ({"input": "2"}, {"input": "1", "parent_invocation": parent}):
        answer = await client.post(LATEST, json=body, headers=keyed())
        assert answer.status_code == 422
        (problem,) = answer.json()["detail"]
        assert "used before with another request body" in problem["msg"]


async def test_of_many_at_once_one_makes_the_invocation(client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    answers = await asyncio.gather(*(client.post(LATEST, json={"input": "1"}, headers=keyed()) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["invocation_id"] for answer in answers}) == 1
    async with database.statement() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM invocations")) == 1


async def test_a_key_goes_away_with_its_project(client: httpx2.AsyncClient, database: Database) -> None:
    await deploy(client)
    await client.post(LATEST, json={"input": "1"}, headers=keyed())
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM projects"))
    gone = await client.post(LATEST, json={"input": "1"}, headers=keyed())
    assert gone.status_code == 404
    await client.put(PROJECT)
    await deploy(client)
    assert (await client.post(LATEST, json={"input": "2"}, headers=keyed())).status_code == 200


@pytest.mark.parametrize(
    ("key", "status"), [(b"", 422), (b"x" * 255, 200), (b"x" * 256, 422), ("ä".encode(), 422), (b"a b~!", 200)]
)
async def test_keys_are_checked(client: httpx2.AsyncClient, key: bytes, status: int) -> None:
    await deploy(client)
    answer = await client.post(LATEST, json={"input": "1"}, headers=[(b"Idempotency-Key", key)])
    assert answer.status_code == status


async def test_a_later_attempt_gets_what_earlier_ones_made_and_is_worth_waiting_for(
    client: httpx2.AsyncClient, database: Database
) -> None:
    await deploy(client)
    body = {"input": "1"}
    first = (await client.post(LATEST, json=body, headers=keyed("attempt-1"))).json()["invocation_id"]

    async def again(key: str, **changes: object) -> str:
        resuming = {**body, "resume_keys": ["attempt-0", "attempt-1"], **changes}
        answer = await client.post(LATEST, json=resuming, headers=keyed(key))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["invocation_id"])

    async def set_first(values: str) -> None:
        async with database.statement() as connection:
            await connection.execute(text(f"UPDATE invocations SET {values} WHERE invocation_id = :id"), {"id": first})

    assert await again("attempt-2") == first, "it runs"
    await set_first("status = 'TERMINATED', outcome = 'SUCCEEDED'")
    assert await again("attempt-2") == first
    assert await again("another-input", input="2") != first
    await set_first("outcome = 'FAILED'")
    anew = await again("attempt-2")
    assert anew != first
    assert await again("attempt-2") == anew
    await set_first("status = 'RUNNING', outcome = NULL, cancellation_request_time = now()")
    assert await again("attempt-3") != first
    too_many = await client.post(LATEST, json={**body, "resume_keys": ["k"] * 51}, headers=keyed("attempt-4"))
    assert too_many.status_code == 422


async def test_so_it_gets_batches_and_is_told(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    batches = LATEST.replace("/invocations", "/batches")
    body = {"inputs": ["1", "2"]}
    first = (await client.post(batches, json=body, headers=keyed("attempt-1"))).json()
    resumed = await client.post(batches, json={**body, "resume_keys": ["attempt-1"]}, headers=keyed("attempt-2"))
    assert (resumed.json()["batch_id"], resumed.json()["is_resumed"]) == (first["batch_id"], True)
    assert first["is_resumed"] is False
    other = await client.post(batches, json={"inputs": ["1"], "resume_keys": ["attempt-1"]}, headers=keyed("attempt-2"))
    assert (other.json()["batch_id"] == first["batch_id"], other.json()["is_resumed"]) == (False, False)
