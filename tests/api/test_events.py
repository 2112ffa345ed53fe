"""Following an invocation: what is told, in which order, and that it can be gone on with at any event."""

import asyncio
import json
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, text, update

from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.paths import FunctionPath, InvocationPath
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.execution_tokens import execution_token
from control_plane_server.provisioners.process.container_folders import folder_of
from tests.api.builders import (
    DEAD,
    FINISHED,
    ROOT_KEYS,
    STARTED,
    Columns,
    add_execution,
    bearer,
    deploy,
    execution_id_of,
    invoke,
)
from tests.api.event_streams import ServerSent, events_of

FAILED: Columns = {**FINISHED, **DEAD, "outcome": "FAILED", "output": "half", "error_message": "boom"}
SUCCEEDED: Columns = {**FINISHED, **DEAD, "output": "42"}


@pytest.fixture
async def invocation(client: httpx2.AsyncClient) -> str:
    return await invoke(client, (await deploy(client)).invocations())


class InvocationRecord:
    """An invocation of the catalog whose containers have left logs of so many lines."""

    def __init__(self, database: Database, invocation: str, data_dir: Path) -> None:
        self._database = database
        self._data_dir = data_dir
        self.invocation = invocation
        self.attempts = 0

    async def attempt(self, state: Columns, *, lines: int) -> str:
        """The path of an execution in this state."""
        self.attempts += 1
        path = await add_execution(self._database, self.invocation, state, attempt=self.attempts)
        container = f"{execution_id_of(path)}-1"
        log = folder_of(self._data_dir, container).log
        log.parent.mkdir(parents=True)
        log.write_text("".join(f"line {number}\n" for number in range(lines)))
        details = {"container_type": "TEST", "container_identifier": container, "logs_identifier": container}
        await self.set_execution(path, launches=1, launch_time=func.clock_timestamp(), **details)
        return path

    async def set_execution(self, path: str, **values: object) -> None:
        async with self._database.statement() as connection:
            await connection.execute(
                update(ExecutionRow).where(ExecutionRow.execution_id == execution_id_of(path)).values(**values)
            )

    async def set(self, **values: object) -> None:
        async with self._database.statement() as connection:
            await connection.execute(
                update(InvocationRow)
                .where(InvocationRow.invocation_id == self.invocation.rsplit("/", 1)[1])
                .values(last_update_time=func.clock_timestamp(), **values)
            )


@pytest.fixture
def record(database: Database, invocation: str, tmp_path: Path) -> InvocationRecord:
    return InvocationRecord(database, invocation, tmp_path)


async def retried_success(record: InvocationRecord) -> None:
    await record.attempt(FAILED, lines=3)
    await record.attempt(FAILED, lines=0)
    await record.attempt(SUCCEEDED, lines=260)
    await record.set(status="TERMINATED")


def names(events: list[ServerSent]) -> list[str]:
    return [event.name for event in events]


async def test_a_life_is_told_in_order(client: httpx2.AsyncClient, record: InvocationRecord) -> None:
    await retried_success(record)
    events = await events_of(client, record.invocation)
    ran = ["state"] * 4  # created, provisioning, running, started
    assert names(events) == [
        "state",
        *(*ran, "progress", *["log"] * 3, "state", "state"),
        *(*ran, "progress", "state", "state"),
        *(*ran, *["log"] * 260, "state", "state"),
        *("state", "end"),
    ]
    assert [event.data["line"] for event in events if event.name == "log"][3:] == [f"line {n}" for n in range(260)]
    last_state, end = events[-2:]
    assert last_state.data | {"time": None, "execution_start_time": None} == {
        "invocation_id": record.invocation.rsplit("/", 1)[1],
        "invocation_status": "TERMINATED",
        "cancellation_requested": False,
        "execution_id": events[-3].data["execution_id"],
        "attempt": 3,
        "worker_status": "TERMINATED",
        "execution_start_time": None,
        "outcome": "SUCCEEDED",
        "error_message": None,
        "time": None,
    }
    assert end.data == {
        "invocation_status": "TERMINATED",
        "outcome": "SUCCEEDED",
        "output": "42",
        "error_message": None,
    }


async def test_from_every_event_on_a_new_stream_tells_the_rest(
    client: httpx2.AsyncClient, record: InvocationRecord
) -> None:
    await retried_success(record)
    whole = await events_of(client, record.invocation)
    for number, event in enumerate(whole[:-1], 1):
        assert await events_of(client, record.invocation, after=event.id) == whole[number:]
    by_query = await events_of(client, record.invocation, last_event_id=whole[10].id)
    assert by_query == whole[11:]
    assert len({event.id for event in whole}) == len(whole)
    assert max(len(event.id) for event in whole) < 50


async def test_after_the_end_there_is_nothing_to_reconnect_for(
    client: httpx2.AsyncClient, record: InvocationRecord
) -> None:
    await record.set(status="TERMINATED")
    events = await events_of(client, record.invocation)
    assert names(events) == ["state", "state", "end"]
    answer = await client.get(f"{record.invocation}/events", headers={"Last-Event-ID": events[-1].id})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_without_logs_all_else_is_the_same(client: httpx2.AsyncClient, record: InvocationRecord) -> None:
    await retried_success(record)
    whole = await events_of(client, record.invocation)
    without = await events_of(client, record.invocation, logs="false")
    assert [(event.name, event.data) for event in without] == [
        (event.name, event.data) for event in whole if event.name != "log"
    ]


async def test_the_answer_passes_through_proxies_as_it_comes(
    client: httpx2.AsyncClient, record: InvocationRecord
) -> None:
    await record.set(status="TERMINATED")
    answer = await client.get(f"{record.invocation}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"


async def test_head_of_a_stream_returns_though_the_stream_would_go_on(
    client: httpx2.AsyncClient, record: InvocationRecord
) -> None:
    async with asyncio.timeout(10):
        answer = await client.head(f"{record.invocation}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_the_token_of_an_execution_reads_no_logs(
    client: httpx2.AsyncClient, database: Database, record: InvocationRecord
) -> None:
    await retried_success(record)
    without = await events_of(client, record.invocation, logs="false")
    sibling = await add_execution(database, await invoke(client, record.invocation.rsplit("/", 1)[0]), STARTED)
    client.headers.update(bearer(execution_token(ROOT_KEYS[0], execution_id_of(sibling))))
    assert await events_of(client, record.invocation) == without


@pytest.mark.parametrize("cursor", ["x", "00000000.0.0.1.0..0.", "", "\u00e9"])
async def test_a_foreign_cursor_is_refused(client: httpx2.AsyncClient, invocation: str, cursor: str) -> None:
    answer = await client.get(f"{invocation}/events", params={"last_event_id": cursor})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The next offset is in an invalid format"}


async def test_a_cursor_with_a_place_that_the_log_has_not_is_refused(
    client: httpx2.AsyncClient, record: InvocationRecord
) -> None:
    await retried_success(record)
    line = next(event for event in await events_of(client, record.invocation) if event.name == "log")
    assert line.id.endswith(".1.")
    answer = await client.get(f"{record.invocation}/events", params={"last_event_id": f"{line.id}1000"})
    assert answer.status_code == 400


async def test_what_does_not_exist_is_an_error_and_no_stream(client: httpx2.AsyncClient, invocation: str) -> None:
    for missing, detail in (
        ("/projects/x/versions/x/functions/x/invocations/x", "A project with this name does not exist"),
        (f"{invocation}x", "An invocation with this ID does not exist for this function"),
    ):
        answer = await client.get(f"{missing}/events", params={"last_event_id": "x"})
        assert (answer.status_code, answer.json()) == (404, {"detail": detail})


async def test_a_project_that_is_deleted_meanwhile_ends_the_stream(
    services: Services, database: Database, invocation: str
) -> None:
    _, _, project, _, version, _, function, _, invocation_id = invocation.split("/")
    path = InvocationPath(
        function=FunctionPath(project_name=project, version_ref=version, function_name=function),
        invocation_id=invocation_id,
    )
    stream = await services.event_streams.open(path, cursor=None, with_logs=True, is_root=True)
    assert stream is not None
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM projects"))
    assert len([chunk async for chunk in stream.body_iterator]) == 2, "how soon to connect again, and the creation"


async def test_what_is_written_is_told_within_a_second_whether_or_not_it_has_an_end(
    services: Services, record: InvocationRecord, tmp_path: Path
) -> None:
    running: Columns = {**STARTED, "container_status": "RUNNING"}
    execution = await record.attempt(running, lines=1)
    log = folder_of(tmp_path, f"{execution_id_of(execution)}-1").log
    _, _, project, _, version, _, function, _, invocation_id = record.invocation.split("/")
    path = InvocationPath(
        function=FunctionPath(project_name=project, version_ref=version, function_name=function),
        invocation_id=invocation_id,
    )
    stream = await services.event_streams.open(path, cursor=None, with_logs=True, is_root=True)
    assert stream is not None
    chunks = aiter(stream.body_iterator)
    told: list[str] = []
    for piece, lines in (
        ("", ["line 0"]),
        ("10 %", ["10 %"]),
        ("\r20 %\r", ["20 %"]),
        ("30 %\nOK? ", ["30 %", "OK? "]),
    ):
        with log.open("a") as file:
            file.write(piece)
        expected = told + lines
        async with asyncio.timeout(3):  # a second, on a machine that has nothing else to do
            while len(told) < len(expected):
                chunk = await anext(chunks)
                content = chunk if isinstance(chunk, str) else bytes(chunk).decode()
                told += [json.loads(line[6:])["line"] for line in content.splitlines() if '"line"' in line]
        assert told == expected
