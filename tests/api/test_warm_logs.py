"""Executions that shared containers: each one's log has its own lines and none other, by pages and by events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.log_markers import MarkedLaunch, Marker, MarkerKind
from control_plane_server.provisioners.process.container_folders import folder_of
from tests.api.builders import DEAD, FINISHED, Columns, add_execution, deploy, execution_id_of, invoke
from tests.api.event_streams import events_of

BEGIN, END = MarkerKind


@dataclass
class WarmContainer:
    """One that has taken executions, and what it has written."""

    name: str
    write: Callable[[str], None]
    executions: dict[str, list[str]] = field(default_factory=dict)  # their lines by their path

    @property
    def columns(self) -> Columns:
        details = {"container_type": "TEST", "container_identifier": self.name, "logs_identifier": self.name}
        return {**details, "is_warm_start": True, "launches": 1, "launch_time": func.clock_timestamp()}


@pytest.fixture
def containers(tmp_path: Path) -> list[WarmContainer]:
    return [new_container(tmp_path, number) for number in range(3)]


def new_container(data_dir: Path, number: int) -> WarmContainer:
    name = f"con-{number:032x}-1"
    folder = folder_of(data_dir, name)
    folder.path.mkdir(parents=True)

    def write(line: str) -> None:
        with folder.log.open("a") as log:
            log.write(f"{line}\n")

    return WarmContainer(name, write)


async def run_in(
    container: WarmContainer, client: httpx2.AsyncClient, database: Database, invocations: str, lines: list[str]
) -> str:
    """The path of an invocation that has run in this container, between noise of the container's own."""
    invocation = await invoke(client, invocations)
    execution = await add_execution(database, invocation, {**FINISHED, **DEAD, **container.columns})
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation.rsplit("/", 1)[1])
            .values(last_update_time=func.clock_timestamp(), status="TERMINATED")
        )
    launch = MarkedLaunch(execution_id_of(execution), 1)
    for line in ("a library, idle", Marker(launch, BEGIN), Marker(launch, BEGIN), *lines, Marker(launch, END)):
        container.write(str(line))
    container.write(str(Marker(launch, END)))
    container.write("another one, idle")
    container.executions[execution] = lines
    return invocation


async def pages_of(client: httpx2.AsyncClient, execution: str, max_lines: int, **first: int) -> list[str]:
    """All lines, page by page."""
    lines: list[str] = []
    query: dict[str, int | str] = {**first}
    while True:
        page = (await client.get(f"{execution}/logs", params={"max_lines": max_lines, **query})).json()
        if not page["log_lines"]:
            return lines
        assert len(page["log_lines"]) <= max_lines
        lines += page["log_lines"]
        query = {"initial_offset": page["next_offset"]}


async def test_twenty_executions_in_three_containers(
    client: httpx2.AsyncClient, database: Database, containers: list[WarmContainer]
) -> None:
    invocations = (await deploy(client)).invocations()
    told: dict[str, list[object]] = {}
    for number in range(20):
        container = containers[number * number % 3]
        lines = [f"{number}: line {line}" for line in range(number % 7)]
        invocation = await run_in(container, client, database, invocations, lines)
        events = await events_of(client, invocation)
        told[invocation] = [event.data["line"] for event in events if event.name == "log"]
    for container in containers:
        for execution, lines in container.executions.items():
            for max_lines in (1, 3, 250):
                assert await pages_of(client, execution, max_lines) == lines
            assert told[execution.rsplit("/", 2)[0]] == lines


async def test_the_last_lines_are_the_executions_last(
    client: httpx2.AsyncClient, database: Database, containers: list[WarmContainer]
) -> None:
    invocations = (await deploy(client)).invocations()
    for _ in range(2):
        await run_in(containers[0], client, database, invocations, [f"line {n}" for n in range(600)])
    for execution in containers[0].executions:
        assert await pages_of(client, execution, 100, tail=250) == [f"line {n}" for n in range(350, 600)]


async def test_an_offset_of_a_whole_log_is_none_of_a_part(
    client: httpx2.AsyncClient, database: Database, containers: list[WarmContainer]
) -> None:
    invocations = (await deploy(client)).invocations()
    await run_in(containers[0], client, database, invocations, ["line"])
    (execution,) = containers[0].executions
    for offset in ("0", "99999_00000_0"):
        answer = await client.get(f"{execution}/logs", params={"initial_offset": offset})
        assert answer.status_code == 400
