"""Invocations: submitted whatever Temporal does, read with their live parents, cancelled, refused."""

import asyncio
from unittest.mock import ANY

import httpx2
import pytest
from sqlalchemy import text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from tests.api.builders import PROJECT, Json, add_execution, deploy, function_spec, invoke

PARENT_IS_INVALID = {"detail": "The ID of the parent invocation is invalid"}


async def terminate(database: Database, invocation: str) -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation.rsplit("/", 1)[1])
            .values(status="TERMINATED")
        )


def parent_of(invocation: str, function_name: str = "f") -> Json:
    return {"function_name": function_name, "invocation_id": invocation.rsplit("/", 1)[1]}


async def test_a_submit_is_accepted_while_temporal_is_away(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    made = await client.post("/projects/p/versions/latest/functions/f/invocations", json={"input": "[1]"})
    assert made.status_code == 200
    invocation = made.json()
    now = invocation["creation_time"]
    assert isinstance(now, int)
    assert invocation["invocation_id"].startswith("inv-")
    assert invocation == {
        "project_name": "p",
        "version_id": deployed.version_id,
        "function_name": "f",
        "invocation_id": invocation["invocation_id"],
        "parent_invocation": None,
        "resource_spec": {"virtual_cpus": 1.0, "memory_gbs": 2.0, "max_concurrency": 3, "concurrency": "version"},
        "execution_spec": {
            "max_retries": 0,
            "timeout_seconds": 60,
            "retry_initial_interval_seconds": 1.0,
            "retry_backoff_coefficient": 2.0,
            "retry_max_interval_seconds": 60.0,
            "attempt_timeout_seconds": None,
            "queue_timeout_seconds": None,
            "retry_jitter": 0.0,
            "no_retry_on": [],
            "resume_children": False,
        },
        "function_status": "PENDING",
        "prepared_function_details": None,
        "preparation_error": None,
        "input": "[1]",
        "cancellation_request_time": None,
        "invocation_status": "RUNNING",
        "outcome": None,
        "error_message": None,
        "attempts": 0,
        "queued_seconds": 0.0,
        "starting_seconds": 0.0,
        "running_seconds": 0.0,
        "batch_id": None,
        "input_blob": None,
        "queue_timeout_seconds": None,
        "tags": {},
        "delay_seconds": 0,
        "priority": 5,
        "concurrency_key": None,
        "concurrency_limit": None,
        "replayed_from": None,
        "schedule_name": None,
        "scheduled_time": None,
        "webhook": None,
        "creation_time": now,
        "last_update_time": now,
        "executions": [],
        "checkpoint": None,
        "children": None,
    }
    read = (await client.get(f"{deployed.invocations()}/{invocation['invocation_id']}")).json()
    assert read == invocation | {"queued_seconds": ANY}


async def test_a_child_shows_its_parent_live(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    parent = await invoke(client, deployed.invocations("f"))
    child = await invoke(client, deployed.invocations("g"), parent_invocation=parent_of(parent))
    await terminate(database, parent)
    shown = (await client.get(child)).json()["parent_invocation"]
    live = (await client.get(parent)).json()
    assert shown == {
        "function_name": "f",
        "invocation_id": live["invocation_id"],
        "cancellation_request_time": None,
        "invocation_status": "TERMINATED",
        "creation_time": live["creation_time"],
        "last_update_time": live["last_update_time"],
    }


async def test_a_parent_must_be_of_the_same_project_and_version(client: httpx2.AsyncClient) -> None:
    old = await deploy(client, function_spec("f"), function_spec("g"))
    parent = await invoke(client, old.invocations("f"))
    new = await deploy(client, function_spec("f"), function_spec("g"))
    for invocations, claimed in (
        (new.invocations("g"), parent_of(parent)),
        (old.invocations("g"), parent_of(parent, "g")),
        (old.invocations("g"), parent_of("/inv-0")),
    ):
        answer = await client.post(invocations, json={"input": "", "parent_invocation": claimed})
        assert (answer.status_code, answer.json()) == (400, PARENT_IS_INVALID)
    missing = await client.post(new.invocations("nowhere"), json={"input": "", "parent_invocation": parent_of(parent)})
    assert missing.status_code == 404


@pytest.mark.parametrize(("kind", "body"), [("invocations", {"input": ""}), ("batches", {"inputs": ["", ""]})])
async def test_under_latest_a_child_is_of_its_parents_version(
    client: httpx2.AsyncClient, kind: str, body: Json
) -> None:
    old = await deploy(client, function_spec("f"), function_spec("g"))
    parent = await invoke(client, old.invocations("f"))
    await deploy(client, function_spec("f"))
    of_g = f"/projects/p/versions/latest/functions/g/{kind}"
    child = await client.post(of_g, json=body | {"parent_invocation": parent_of(parent)})
    assert (child.status_code, child.json().get("version_id")) == (200, old.version_id)
    for others in ({}, {"parent_invocation": parent_of("/inv-0")}):
        answer = await client.post(of_g, json=body | others)
        assert answer.status_code == 404, "the newest version has no such function"


@pytest.mark.parametrize("length", [249_999, 250_000])
async def test_the_length_of_an_input_is_bounded(client: httpx2.AsyncClient, length: int) -> None:
    deployed = await deploy(client)
    answer = await client.post(deployed.invocations(), json={"input": "ä" * length})
    assert answer.status_code == (200 if length < 250_000 else 422)
    if length == 250_000:
        assert "cannot exceed 250000" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/projects/x/versions/x/functions/x/invocations/x", "A project with this name does not exist"),
        ("/projects/p/versions/x/functions/x/invocations/x", "A version with this ID does not exist for this project"),
        (
            "/projects/p/versions/latest/functions/x/invocations/x",
            "A function with this name does not exist for this project version",
        ),
        (
            "/projects/p/versions/latest/functions/f/invocations/x",
            "An invocation with this ID does not exist for this function",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["get", "cancel"])
async def test_the_outermost_missing_part_is_named(
    client: httpx2.AsyncClient, path: str, detail: str, verb: str
) -> None:
    await deploy(client)
    answer = await (client.get(path) if verb == "get" else client.put(f"{path}/cancel"))
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


async def test_an_invocation_belongs_to_its_function_and_version(client: httpx2.AsyncClient) -> None:
    old = await deploy(client, function_spec("f"), function_spec("g"))
    invocation_id = (await invoke(client, old.invocations("f"))).rsplit("/", 1)[1]
    new = await deploy(client, function_spec("f"))
    for invocations in (old.invocations("g"), new.invocations("f")):
        for answer in (
            await client.get(f"{invocations}/{invocation_id}"),
            await client.put(f"{invocations}/{invocation_id}/cancel"),
        ):
            assert answer.status_code == 404
    assert (await client.get(f"{old.invocations('f')}/{invocation_id}")).json()["cancellation_request_time"] is None


async def test_cancellation_may_be_requested_again_until_the_end(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    invocation = await invoke(client, deployed.invocations())
    first = await client.put(f"{invocation}/cancel")
    assert first.status_code == 200
    assert first.json()["cancellation_request_time"] == first.json()["last_update_time"]
    assert first.json()["invocation_status"] == "RUNNING"
    async with database.statement() as connection:
        await connection.execute(
            text("UPDATE invocations SET cancellation_request_time = cancellation_request_time - interval '9 s'")
        )
    second = await client.put(f"{invocation}/cancel")
    assert second.json()["cancellation_request_time"] >= first.json()["cancellation_request_time"]
    assert (await client.get(invocation)).json() == second.json() | {"queued_seconds": ANY}
    await terminate(database, invocation)
    refused = await client.put(f"{invocation}/cancel")
    assert (refused.status_code, refused.json()) == (409, {"detail": "This invocation has already terminated"})


async def test_a_child_of_a_cancelled_parent_is_cancelled_at_birth(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    await client.put(f"{parent}/cancel")
    await terminate(database, parent)
    child = await client.post(deployed.invocations(), json={"input": "", "parent_invocation": parent_of(parent)})
    assert child.status_code == 200
    assert child.json()["cancellation_request_time"] == child.json()["creation_time"]
    assert child.json()["invocation_status"] == "RUNNING"


async def test_a_submit_waits_for_a_cancellation_of_its_parent_that_is_being_written(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    body = {"input": "", "parent_invocation": parent_of(parent)}
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE invocations SET cancellation_request_time = clock_timestamp()"))
        submit = asyncio.create_task(client.post(deployed.invocations(), json=body))
        while not await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            assert not submit.done()
    assert (await submit).json()["cancellation_request_time"] is not None


async def test_an_invocation_on_a_project_that_goes_away_is_cancelled_at_birth(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    await client.delete(PROJECT)
    answer = await client.post(deployed.invocations(), json={"input": ""})
    assert answer.status_code == 200
    assert answer.json()["cancellation_request_time"] == answer.json()["creation_time"]


async def test_an_invocation_on_a_project_whose_deletion_has_begun_is_refused(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    await client.delete(PROJECT)
    async with database.statement() as connection:
        await connection.execute(text("UPDATE projects SET closing_time = clock_timestamp()"))
    for body in ({"input": ""}, {"input": "", "parent_invocation": parent_of(parent)}):
        answer = await client.post(deployed.invocations(), json=body)
        assert (answer.status_code, answer.json()) == (400, {"detail": "The project is being deleted"})


async def test_executions_are_listed_oldest_first(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client, function_spec(execution_spec={"max_retries": 9}))
    invocation = await invoke(client, deployed.invocations())
    made = [await add_execution(database, invocation, attempt=attempt) for attempt in range(1, 6)]
    listed = (await client.get(invocation)).json()["executions"]
    assert [execution["execution_id"] for execution in listed] == [path.rsplit("/", 1)[1] for path in made]
    assert set(listed[0]) == {
        "execution_id",
        "worker_status",
        "worker_details",
        "termination_signal_time",
        "outcome",
        "output",
        "error_message",
        "error_traceback",
        "creation_time",
        "last_update_time",
        "execution_start_time",
        "execution_finish_time",
        "launches",
        "queued_seconds",
        "starting_seconds",
        "running_seconds",
        "output_blob",
        "is_warm_start",
    }
