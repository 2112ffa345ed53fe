"""Executions as their containers and their users see them."""

import asyncio
from collections.abc import Mapping

import httpx2
import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.execution_tokens import execution_token
from control_plane_server.domain.identifiers import ExecutionId
from tests.api.builders import (
    DEAD,
    FINISHED,
    PENDING,
    ROOT_KEYS,
    STARTED,
    Columns,
    Json,
    add_execution,
    bearer,
    deploy,
    execution_id_of,
    function_spec,
    invoke,
)

NOT_STARTED = "This execution has not yet started"
STARTED_ALREADY = "This execution has already started"
FINISHED_ALREADY = "This execution has already finished"
TERMINATED_ALREADY = "This execution has already terminated"
SUCCESS: Json = {"outcome": "SUCCEEDED", "final_output": "42"}
FIELDS = {
    "project_name",
    "version_id",
    "function_name",
    "invocation_id",
    "execution_id",
    "input",
    "has_secrets",
    "cancellation_request_time",
    "resource_spec",
    "execution_spec",
    "function_status",
    "prepared_function_details",
    "preparation_error",
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
    "invocation_creation_time",
    "schedule_name",
    "scheduled_time",
    "launches",
    "launch",
    "queued_seconds",
    "starting_seconds",
    "running_seconds",
    "input_blob",
    "output_blob",
    "is_warm_start",
}


@pytest.fixture
async def invocation(client: httpx2.AsyncClient) -> str:
    return await invoke(client, (await deploy(client)).invocations(), input="[7]")


async def send(client: httpx2.AsyncClient, execution: str, verb: str) -> httpx2.Response:
    bodies: Mapping[str, Json | None] = {"start": None, "update": {"latest_output": "1"}, "finish": SUCCESS}
    return await client.put(f"{execution}/{verb}", json=bodies[verb])


async def test_the_life_of_an_execution(client: httpx2.AsyncClient, database: Database, invocation: str) -> None:
    execution = await add_execution(database, invocation)
    fresh = (await client.get(execution)).json()
    assert set(fresh) == FIELDS
    assert (fresh["input"], fresh["worker_status"], fresh["launches"]) == ("[7]", "PENDING", 0)
    assert fresh["execution_start_time"] is None

    started = (await client.put(f"{execution}/start")).json()
    assert started["execution_start_time"] == started["last_update_time"]
    assert started["outcome"] is None
    for output in ("1", "2"):
        updated = await client.put(f"{execution}/update", json={"latest_output": output})
        assert (updated.status_code, updated.json()["output"]) == (200, output)

    finished = (await client.put(f"{execution}/finish", json=SUCCESS)).json()
    assert (finished["outcome"], finished["output"], finished["error_message"]) == ("SUCCEEDED", "42", None)
    assert finished["execution_finish_time"] == finished["last_update_time"]
    assert finished["worker_status"] == "PENDING"
    assert (await client.get(execution)).json() == finished


async def test_a_final_output_of_null_keeps_the_last_update(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    execution = await add_execution(database, invocation, STARTED)
    await client.put(f"{execution}/update", json={"latest_output": "kept"})
    report = {"outcome": "FAILED", "error_message": "", "error_traceback": "Traceback (most recent call last):"}
    finished = (await client.put(f"{execution}/finish", json=report)).json()
    assert (finished["output"], finished["error_message"]) == ("kept", "")
    assert finished["error_traceback"] == report["error_traceback"]
    (shown,) = (await client.get(invocation)).json()["executions"]
    assert shown["error_traceback"] == report["error_traceback"]


@pytest.mark.parametrize(
    ("state", "verb", "refusal"),
    [
        (PENDING, "start", None),
        (PENDING, "update", NOT_STARTED),
        (PENDING, "finish", NOT_STARTED),
        (STARTED, "start", STARTED_ALREADY),
        (STARTED, "update", None),
        (STARTED, "finish", None),
        (FINISHED, "start", STARTED_ALREADY),
        (FINISHED, "update", FINISHED_ALREADY),
        (FINISHED, "finish", FINISHED_ALREADY),
        (DEAD, "start", TERMINATED_ALREADY),
        (DEAD, "update", NOT_STARTED),
        (DEAD, "finish", NOT_STARTED),
        ({**DEAD, **STARTED}, "start", STARTED_ALREADY),
        ({**DEAD, **STARTED}, "update", TERMINATED_ALREADY),
        ({**DEAD, **STARTED}, "finish", TERMINATED_ALREADY),
        ({**DEAD, **FINISHED}, "start", STARTED_ALREADY),
        ({**DEAD, **FINISHED}, "update", FINISHED_ALREADY),
        ({**DEAD, **FINISHED}, "finish", FINISHED_ALREADY),
        ({"container_status": "PROVISIONING"}, "start", None),
        ({"container_status": "RUNNING", **STARTED}, "finish", None),
    ],
)
async def test_what_may_be_reported_when(
    client: httpx2.AsyncClient,
    database: Database,
    invocation: str,
    state: Columns,
    verb: str,
    refusal: str | None,
) -> None:
    execution = await add_execution(database, invocation, state)
    before = (await client.get(execution)).json()
    answer = await send(client, execution, verb)
    if refusal is None:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer.json()) == (409, {"detail": refusal})
    assert (await client.get(execution)).json() == before


async def test_a_cancelled_invocation_still_takes_reports(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    execution = await add_execution(database, invocation)
    await client.put(f"{invocation}/cancel")
    started = await send(client, execution, "start")
    assert started.json()["cancellation_request_time"] is not None
    assert (await client.put(f"{execution}/finish", json={"outcome": "ABORTED"})).status_code == 200


@pytest.mark.parametrize(("verb", "body"), [("start", None), ("finish", SUCCESS)])
async def test_of_many_at_once_one_succeeds(
    client: httpx2.AsyncClient, database: Database, invocation: str, verb: str, body: Json | None
) -> None:
    execution = await add_execution(database, invocation, PENDING if verb == "start" else STARTED)
    answers = await asyncio.gather(*(client.put(f"{execution}/{verb}", json=body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9


@pytest.mark.parametrize(
    ("verb", "body", "loc"),
    [
        ("update", {}, ["body", "latest_output"]),
        ("update", {"latest_output": None}, ["body", "latest_output"]),
        ("update", {"latest_output": "x" * 250_000}, ["body", "latest_output"]),
        ("update", {"latest_output": "\0"}, ["body", "latest_output"]),
        ("finish", {}, ["body", "outcome"]),
        ("finish", {"outcome": "CANCELLED"}, ["body", "outcome"]),
        ("finish", {"outcome": "FAILED"}, ["body"]),
        ("finish", {"outcome": "FAILED", "error_message": None}, ["body"]),
        ("finish", {"outcome": "SUCCEEDED", "error_message": ""}, ["body"]),
        ("finish", {"outcome": "ABORTED", "error_message": "x"}, ["body"]),
        ("finish", {"outcome": "SUCCEEDED", "error_traceback": ""}, ["body"]),
        (
            "finish",
            {"outcome": "FAILED", "error_message": "x", "error_traceback": "x" * 16_384},
            ["body", "error_traceback"],
        ),
        ("finish", {"outcome": "FAILED", "error_message": "x" * 16_384}, ["body", "error_message"]),
        ("finish", {"outcome": "SUCCEEDED", "final_output": "x" * 250_000}, ["body", "final_output"]),
    ],
)
async def test_reports_are_checked(
    client: httpx2.AsyncClient, database: Database, invocation: str, verb: str, body: Json, loc: list[str]
) -> None:
    execution = await add_execution(database, invocation, STARTED)
    answer = await client.put(f"{execution}/{verb}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == loc


async def test_the_longest_reports_are_taken(client: httpx2.AsyncClient, database: Database, invocation: str) -> None:
    execution = await add_execution(database, invocation, STARTED)
    body = {"outcome": "FAILED", "final_output": "x" * 249_999, "error_message": "x" * 16_383}
    assert (await client.put(f"{execution}/finish", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("place", "detail"),
    [
        ("projects", "A project with this name does not exist"),
        ("versions", "A version with this ID does not exist for this project"),
        ("functions", "A function with this name does not exist for this project version"),
        ("invocations", "An invocation with this ID does not exist for this function"),
        ("executions", "An execution with this ID does not exist for this invocation"),
    ],
)
@pytest.mark.parametrize("verb", ["get", "logs", "start", "update", "finish"])
async def test_the_outermost_missing_part_is_named(
    client: httpx2.AsyncClient, database: Database, invocation: str, place: str, detail: str, verb: str
) -> None:
    """Everything from this place of the path on is unknown."""
    execution = await add_execution(database, invocation)
    parts = execution.split("/")
    for index in range(parts.index(place) + 1, len(parts), 2):
        parts[index] = "unknown"
    path = "/".join(parts)
    match verb:
        case "get":
            answer = await client.get(path)
        case "logs":
            answer = await client.get(f"{path}/logs")
        case _:
            answer = await send(client, path, verb)
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


async def test_an_execution_belongs_to_its_invocation(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    execution = await add_execution(database, invocation)
    other = await invoke(client, invocation.rsplit("/", 1)[0])
    answer = await send(client, f"{other}/executions/{execution.rsplit('/', 1)[1]}", "start")
    assert answer.status_code == 404
    assert (await client.get(execution)).json()["execution_start_time"] is None


async def test_the_container_and_its_launches_are_shown(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    execution = await add_execution(database, invocation)
    async with database.statement() as connection:
        await connection.execute(
            update(ExecutionRow).values(
                container_status="RUNNING",
                container_type="TEST",
                container_identifier="worker-2",
                logs_identifier="log-2",
                launches=2,
            )
        )
    shown = (await client.get(execution)).json()
    assert shown["worker_details"] == {"type": "TEST", "identifier": "worker-2", "logs_identifier": "log-2"}
    assert shown["launches"] == 2
    assert (await client.get(invocation)).json()["executions"][0]["worker_details"] == shown["worker_details"]


@pytest.mark.parametrize(
    ("is_stopped", "report", "outcome"),
    [
        (False, {"outcome": "FAILED", "error_message": "SystemExit: 0"}, "FAILED"),
        (False, {"outcome": "ABORTED"}, None),
        (False, SUCCESS, "SUCCEEDED"),
        (True, {"outcome": "FAILED", "error_message": "SystemExit: 0"}, "ABORTED"),
        (True, {"outcome": "ABORTED"}, "ABORTED"),
        (True, SUCCESS, "SUCCEEDED"),
    ],
)
async def test_what_was_told_to_stop_was_aborted_unless_it_succeeded(
    client: httpx2.AsyncClient, database: Database, invocation: str, is_stopped: bool, report: Json, outcome: str | None
) -> None:
    signal: Columns = {"termination_signal_time": func.clock_timestamp()} if is_stopped else {}
    execution = await add_execution(database, invocation, {**STARTED, **signal})
    answer = (await client.put(f"{execution}/finish", json=report)).json()
    assert (answer["outcome"], answer["error_message"]) == (outcome, report.get("error_message"))


@pytest.mark.parametrize(
    ("message", "is_final"), [("ValueError: no", True), ("Value", False), ("KeyError: 'ValueError'", False)]
)
async def test_a_failure_that_the_function_names_is_final_as_soon_as_it_is_reported(
    client: httpx2.AsyncClient, database: Database, message: str, *, is_final: bool
) -> None:
    spec = function_spec(execution_spec={"max_retries": 3, "no_retry_on": ["ValueError"]})
    invocation = await invoke(client, (await deploy(client, spec)).invocations())
    execution = await add_execution(database, invocation, STARTED)
    await client.put(f"{execution}/finish", json={"outcome": "FAILED", "error_message": message})
    async with database.statement() as connection:
        found = select(ExecutionRow.is_retryable).where(ExecutionRow.execution_id == execution_id_of(execution))
        assert (await connection.scalar(found) is False) == is_final


async def test_a_checkpoint_is_saved_and_read_by_its_own_execution(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    execution = await add_execution(database, invocation)
    own = bearer(execution_token(ROOT_KEYS[0], execution_id_of(execution)))
    path = f"{execution}/checkpoint"
    early = await client.put(path, json={"value": "1"}, headers=own)
    assert (early.status_code, early.json()) == (409, {"detail": NOT_STARTED})
    missing = await client.get(path, headers=own)
    assert (missing.status_code, missing.json()) == (404, {"detail": "This invocation has saved no checkpoint"})
    launch = (await client.put(f"{execution}/start", headers=own)).json()["launch"]
    saved = await client.put(path, json={"value": '{"epoch": 3}', "launch": launch}, headers=own)
    assert (saved.status_code, saved.json()["attempt"]) == (200, 1)
    assert (await client.get(path, headers=own)).json() == saved.json()
    shown = (await client.get(invocation)).json()["checkpoint"]
    assert shown == {"attempt": 1, "save_time": saved.json()["save_time"], "size": 12}
    overtaken = await client.put(path, json={"value": "1", "launch": launch + 1}, headers=own)
    assert (overtaken.status_code, overtaken.json()) == (
        409,
        {"detail": "Another container has taken this one's place"},
    )
    for number in ({"launch": 2**31}, {"launch": -1}, {"sequence": 2**63}):
        assert (await client.put(path, json={"value": "1", **number}, headers=own)).status_code == 422
    too_long = await client.put(path, json={"value": "é" * 8_193}, headers=own)
    assert too_long.status_code == 422
    assert "value must not exceed 16384 bytes" in too_long.text
    other = bearer(execution_token(ROOT_KEYS[0], ExecutionId("exe-other")))
    for answer in (await client.get(path, headers=other), await client.put(path, json={"value": "1"}, headers=other)):
        assert answer.status_code == 403


async def test_a_later_attempt_finds_the_checkpoint(
    client: httpx2.AsyncClient, database: Database, invocation: str
) -> None:
    first = await add_execution(database, invocation, STARTED)
    await client.put(f"{first}/checkpoint", json={"value": "1"})
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(**DEAD))
    second = await add_execution(database, invocation, STARTED, attempt=2)
    assert (await client.get(f"{second}/checkpoint")).json()["value"] == "1"
    late = await client.put(f"{first}/checkpoint", json={"value": "late"})
    assert (late.status_code, late.json()) == (409, {"detail": TERMINATED_ALREADY})
    await client.put(f"{second}/checkpoint", json={"value": "2"})
    assert (await client.get(f"{second}/checkpoint")).json()["attempt"] == 2
