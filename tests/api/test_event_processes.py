"""Streams of real `api` processes: one that is killed loses its readers nothing, one that ends lets them go at once."""

import asyncio
import signal
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.provisioners.process.container_folders import folder_of
from environment.settings import PostgresSettings
from tests.api.builders import PENDING, Json, add_execution, deploy, execution_id_of, invoke
from tests.api.event_streams import ServerSent, followed
from tests.api.test_process import api

_PROMPTLY = 2.0


class Reader:
    """Reads one stream in the background, for as long as it lasts."""

    def __init__(self, client: httpx2.AsyncClient, invocation: str, *, after: str | None = None) -> None:
        self.events: list[ServerSent] = []
        self.task = asyncio.create_task(self._read(client, invocation, after))

    async def _read(self, client: httpx2.AsyncClient, invocation: str, after: str | None) -> None:
        async with followed(client, invocation, after=after) as events:
            async for event in events:
                self.events.append(event)

    async def has(self, count: int, name: str) -> None:
        while sum(event.name == name for event in self.events) < count:
            assert not self.task.done()
            await asyncio.sleep(0.02)


class Container:
    """Does with an execution's row and log what its container, and the loop that watches it, would."""

    def __init__(self, database: Database, client: httpx2.AsyncClient, execution: str, data_dir: Path) -> None:
        self._database = database
        self._client = client
        self._execution = execution
        self._name = f"{execution_id_of(execution)}-1"
        self._log = folder_of(data_dir, self._name).log

    async def set(self, **values: object) -> None:
        async with self._database.statement() as connection:
            await connection.execute(
                update(ExecutionRow)
                .where(ExecutionRow.execution_id == execution_id_of(self._execution))
                .values(last_update_time=func.clock_timestamp(), **values)
            )

    async def start(self) -> None:
        self._log.parent.mkdir(parents=True)
        await self.set(
            container_status="RUNNING",
            launches=1,
            launch_time=func.clock_timestamp(),
            container_type="TEST",
            container_identifier=self._name,
            logs_identifier=self._name,
        )
        await self.report("start")

    def log(self, *lines: str) -> None:
        with self._log.open("a") as log:
            log.writelines(f"{line}\n" for line in lines)

    async def report(self, what: str, **body: str) -> None:
        answer = await self._client.put(f"{self._execution}/{what}", json=body or None)
        assert answer.status_code == 200, answer.text


def without_progress(events: list[ServerSent]) -> list[tuple[str, Json]]:
    """A cursor says which progress was told, too."""
    return [(event.name, event.data) for event in events if event.name != "progress"]


def progress(events: list[ServerSent]) -> list[object]:
    return [event.data["output"] for event in events if event.name == "progress"]


async def end(database: Database, invocation: str) -> None:
    invocation_id = invocation.rsplit("/", 1)[1]
    async with database.transaction() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation_id)
            .values(status="TERMINATED", last_update_time=func.clock_timestamp())
        )
        await connection.execute(select(func.pg_notify(INVOCATIONS_CHANNEL, invocation_id)))


async def test_a_reader_whose_api_is_killed_reads_on_elsewhere_as_if_nothing_had_been(
    postgres_settings: PostgresSettings, database: Database, tmp_path: Path
) -> None:
    folder = {"CONTROL_PLANE_DATA_DIR": str(tmp_path)}
    async with api(postgres_settings, **folder) as kept, api(postgres_settings, **folder) as killed:
        await kept.answers("/projects", 200)
        await killed.answers("/projects", 200)
        invocation = await invoke(kept.client, (await deploy(kept.client)).invocations())
        whole, cut = Reader(kept.client, invocation), Reader(killed.client, invocation)
        failing = Container(database, kept.client, await add_execution(database, invocation, PENDING), tmp_path)
        await failing.start()
        for reader in (whole, cut):  # what is logged at the moment of the start may be told before or after it
            await reader.has(5, "state")
        failing.log("one", "two", "three")
        await failing.report("update", latest_output="1")
        for reader in (whole, cut):
            await reader.has(3, "log")
            await reader.has(1, "progress")

        killed.process.send_signal(signal.SIGKILL)
        with pytest.raises(httpx2.TransportError):
            await cut.task
        failing.log("four")
        await failing.report("update", latest_output="2")
        await whole.has(2, "progress")
        await whole.has(4, "log")
        await failing.report("update", latest_output="3")
        await failing.report("finish", outcome="FAILED", error_message="boom")
        await failing.set(container_status="TERMINATED")
        await whole.has(7, "state")

        async with api(postgres_settings, **folder) as new:
            await new.answers("/projects", 200)
            rest = Reader(new.client, invocation, after=cut.events[-1].id)
            second = await add_execution(database, invocation, PENDING, attempt=2)
            succeeding = Container(database, kept.client, second, tmp_path)
            await succeeding.start()
            await whole.has(11, "state")
            await rest.has(6, "state")
            succeeding.log("five")
            await rest.has(1, "log")
            await whole.has(5, "log")
            await succeeding.report("finish", outcome="SUCCEEDED", final_output="42")
            # What is logged at the moment of the outcome may be told before or after it.
            await whole.has(12, "state")
            await rest.has(7, "state")
            succeeding.log("six")
            await succeeding.set(container_status="TERMINATED")
            await end(database, invocation)
            async with asyncio.timeout(20):
                await asyncio.gather(whole.task, rest.task)
    received = cut.events + rest.events
    assert received[-1].name == "end"
    assert without_progress(received) == without_progress(whole.events)
    assert [event.data["line"] for event in received if event.name == "log"] == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
    ]
    assert (progress(whole.events), progress(received)) == (["1", "2", "3"], ["1", "3"])


async def test_an_api_that_ends_lets_its_readers_go_at_once(
    postgres_settings: PostgresSettings, database: Database, tmp_path: Path
) -> None:
    async with api(postgres_settings) as running:
        await running.answers("/projects", 200)
        invocation = await invoke(running.client, (await deploy(running.client)).invocations())
        reader = Reader(running.client, invocation)
        await reader.has(1, "state")
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        await reader.task  # a stream that is complete, not one that broke off
        assert time.monotonic() - began < _PROMPTLY
        async with asyncio.timeout(15):
            assert await running.process.wait() == 0
    assert [event.name for event in reader.events] == ["state"]
