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
