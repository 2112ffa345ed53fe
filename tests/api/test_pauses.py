"""Pauses over REST and in the queue: what begins, what waits, and what a later version has of it."""

from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.reconciliation.idle_slots import IdleSlotRepository
from control_plane_server.domain.identifiers import InvocationId
from tests.api.builders import Deployed, Json, deploy, invoke
from tests.catalog.test_slot_groups import give_free_slots
from tests.catalog.test_slots import close, grant_of, is_queued
from tests.factories import take_slot

_FAR = 4_000_000_000


def paths(deployed: Deployed) -> dict[str, str]:
    return {"project": "/projects/p", "function": f"{deployed.version}/functions/f"}


async def put(client: httpx2.AsyncClient, path: str, body: Json | None = None) -> Json:
    answer = await client.put(path, json=body) if body is not None else await client.put(path)
    assert answer.status_code == 200, answer.text
    answered: Json = answer.json()
    return answered


async def submitted(client: httpx2.AsyncClient, database: Database, deployed: Deployed) -> InvocationId:
    """To a function that is READY."""
    async with database.statement() as connection:
        await connection.execute(text("UPDATE functions SET status = 'READY'"))
    return InvocationId((await invoke(client, deployed.invocations())).rsplit("/", 1)[1])


async def first_in_queues(database: Database) -> list[InvocationId]:
    async with database.statement() as connection:
        return await IdleSlotRepository(connection).first_in_queues(older_than=timedelta())


@pytest.mark.parametrize("of", ["project", "function"])
async def test_nothing_begins_until_it_is_resumed_and_then_in_order(
    client: httpx2.AsyncClient, database: Database, of: str
) -> None:
    deployed = await deploy(client)
    path = paths(deployed)[of]
    running = await submitted(client, database, deployed)
    assert isinstance(await take_slot(database, running), Assignment)
    paused = await put(client, f"{path}/pause")
    assert paused["function_name"] == (None if of == "project" else "f")
    assert (paused["paused_since"] is not None, paused["paused_until"]) == (True, None)
    first, second = [await submitted(client, database, deployed) for _ in range(2)]
    for invocation in (second, first):
        assert is_queued(await take_slot(database, invocation))
    assert (await close(database, running, allows_retry=True)).grants == ()
    assert is_queued(await take_slot(database, running, attempt=2))
    assert await give_free_slots(database, first) == (), "the reconciliation tries it every minute"
    resumed = await put(client, f"{path}/resume")
    assert (resumed["paused_since"], resumed["paused_until"]) == (None, None)
    assert await first_in_queues(database) == [running]
    assert await give_free_slots(database, first) == (grant_of(running, attempt=2), grant_of(first), grant_of(second))


@pytest.mark.parametrize("of", ["project", "function"])
async def test_one_with_an_end_is_over_then(client: httpx2.AsyncClient, database: Database, of: str) -> None:
    deployed = await deploy(client)
    path = paths(deployed)[of]
    assert (await put(client, f"{path}/pause", {"until": _FAR}))["paused_until"] == _FAR
    waiting = await submitted(client, database, deployed)
    assert is_queued(await take_slot(database, waiting))
    async with database.statement() as connection:
        await connection.execute(text(f"UPDATE {of}s SET paused_until = clock_timestamp() - interval '1 second'"))
    assert await first_in_queues(database) == [waiting]
    assert await give_free_slots(database, waiting) == (grant_of(waiting),)
    function = (await client.get(deployed.version)).json()["functions"][0]
    project = (await client.get("/projects/p")).json()
    assert (function["paused_since"], project["paused_since"]) == (None, None)


async def test_they_are_shown_and_a_later_version_is_paused_as_well(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    paused = await put(client, f"{paths(deployed)['function']}/pause", {"until": _FAR})
    again = await put(client, f"{paths(deployed)['function']}/pause", {"until": _FAR - 1})
    assert again == paused | {"paused_until": _FAR - 1}, "since then, and to the end that was named last"
    await put(client, "/projects/p/pause")
    newer = await deploy(client)
    for version in (deployed.version, newer.version):
        (function,) = (await client.get(version)).json()["functions"]
        assert (function["paused_since"], function["paused_until"]) == (paused["paused_since"], _FAR - 1)
    project = (await client.get("/projects/p")).json()
    assert (project["paused_since"] is not None, project["paused_until"]) == (True, None)
    await put(client, f"{paths(newer)['function']}/resume")
    for version in (deployed.version, newer.version):
        assert (await client.get(version)).json()["functions"][0]["paused_since"] is None


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_what_is_not_there_cannot_be_paused(client: httpx2.AsyncClient, verb: str) -> None:
    await deploy(client)
    for path, missing in (
        ("/projects/none", "A project with this name does not exist"),
        ("/projects/p/versions/ver-1/functions/f", "A version with this ID does not exist for this project"),
        (
            "/projects/p/versions/latest/functions/g",
            "A function with this name does not exist for this project version",
        ),
    ):
        answer = await client.put(f"{path}/{verb}")
        assert (answer.status_code, answer.json()) == (404, {"detail": missing})


async def test_an_end_in_the_past_is_refused(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    answer = await client.put("/projects/p/pause", json={"until": 1})
    assert answer.status_code == 422
    assert "until must be in the future" in answer.text
