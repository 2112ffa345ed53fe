"""Containers that are kept: used again, ready before anybody calls, gone when nobody needs them, on every platform."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from sqlalchemy import select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import FunctionRow, VersionRow
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.catalog.warm_containers.table import WarmContainerRow
from tests.e2e.platforms import Platform
from tests.e2e.project import Json, Project, lines_of

_KEPT_READY = 2


async def test_the_second_call_finds_the_container_of_the_first(project: Project) -> None:
    await project.deploy("double", reuse={"idle_seconds": 60}, max_concurrency=1)
    ended = [await project.ended("double", await project.invoke("double", number=number)) for number in range(3)]
    assert [one["executions"][0]["output"] for one in ended] == ["0", "2", "4"]
    assert [one["executions"][0]["is_warm_start"] for one in ended] == [False, True, True]
    assert len({identifier_of(one) for one in ended}) == 1


async def test_of_a_container_that_is_one_process_a_stop_ends_all(project: Project, tmp_path: Path) -> None:
    reuse = {"idle_seconds": 60, "isolation": "process"}
    await project.deploy("note_and_hold", reuse=reuse, max_concurrency=1)
    release, calls = tmp_path / "release", []
    release.touch()
    for number in range(2):
        notes = str(tmp_path / f"notes-{number}")
        calls.append(await project.invoke("note_and_hold", notes=notes, release=str(release)))
    kept = [await project.ended("note_and_hold", call) for call in calls]
    held = await project.invoke("note_and_hold", notes=str(tmp_path / "held"), release=str(tmp_path / "never"))
    await lines_of(tmp_path / "held")
    await project.cancel("note_and_hold", held)
    stopped = await project.ended("note_and_hold", held)
    again = await project.invoke("note_and_hold", notes=str(tmp_path / "again"), release=str(release))
    after = await project.ended("note_and_hold", again)
    assert [one["outcome"] for one in (*kept, stopped, after)] == ["SUCCEEDED"] * 2 + ["CANCELLED", "SUCCEEDED"]
    first, *others = [identifier_of(one) for one in (*kept, stopped, after)]
    assert [other == first for other in others] == [True, True, False]


@pytest.mark.platforms("process")
async def test_what_a_paused_container_was_given_runs_once_elsewhere_and_never_where_it_wakes(
    project: Project, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", reuse={"idle_seconds": 60}, max_concurrency=1)
    notes, release = tmp_path / "first", tmp_path / "release"
    call = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    (process,) = await lines_of(notes)
    container = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])  # noqa: ASYNC240
    release.touch()
    first = await project.ended("note_and_hold", call)
    os.kill(container, signal.SIGSTOP)
    try:
        notes = tmp_path / "second"
        second = await project.ended(
            "note_and_hold", await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        )
    finally:
        os.kill(container, signal.SIGCONT)
    assert second["outcome"] == "SUCCEEDED"
    assert identifier_of(second) != identifier_of(first)
    (execution,) = second["executions"]
    assert (execution["launches"], execution["is_warm_start"]) == (1, False)
    while Path(f"/proc/{container}").exists():  # noqa: ASYNC240 - it was stopped, and hears that now
        await asyncio.sleep(0.05)
    assert len(await lines_of(notes)) == 1


async def test_a_container_that_has_run_enough_is_followed_by_another(project: Project) -> None:
    await project.deploy("double", reuse={"idle_seconds": 60, "max_executions": 1}, max_concurrency=1)
    ended = [await project.ended("double", await project.invoke("double", number=number)) for number in range(2)]
    assert [one["executions"][0]["is_warm_start"] for one in ended] == [False, False]
    assert len({identifier_of(one) for one in ended}) == 2


@pytest.mark.timeout(150)
async def test_containers_are_ready_before_a_call_and_none_outlives_its_version_or_project(
    project: Project, catalog: Database, platform: Platform
) -> None:
    reuse = {"idle_seconds": 1, "min_idle": _KEPT_READY}
    first = await project.deploy("double", reuse=reuse)
    await until_idle(catalog, first["version_id"], _KEPT_READY)
    calls = await asyncio.gather(*(project.invoke("double", number=number) for number in range(_KEPT_READY)))
    ended = [await project.ended("double", call) for call in calls]
    assert [one["executions"][0]["is_warm_start"] for one in ended] == [True] * _KEPT_READY
    await until_idle(catalog, first["version_id"], _KEPT_READY)
    second = await project.deploy("double", reuse=reuse)
    await until_idle(catalog, second["version_id"], _KEPT_READY)
    await until_idle(catalog, first["version_id"], 0)
    there = [identifier for _, identifier in await opened(catalog, second["version_id"])]
    assert not any([await platform.is_gone(one) for one in there])
    assert (await project.http.delete(f"/projects/{project.name}")).status_code == 200
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)
    assert await opened(catalog, second["version_id"]) == []
    assert all([await platform.is_gone(one) for one in there])


async def until_idle(catalog: Database, version_id: str, count: int) -> None:
    """So many containers of the version are idle, and no others are open."""
    while len(found := await opened(catalog, version_id)) != count or {state for state, _ in found} - {State.IDLE}:
        assert len(found) < 10, found
        await asyncio.sleep(0.05)


async def opened(catalog: Database, version_id: str) -> list[tuple[str, str]]:
    """States of the version's containers that are not closed, and where the platform has them."""
    async with catalog.statement() as connection:
        found = await connection.execute(
            select(WarmContainerRow.state, WarmContainerRow.container_identifier)
            .join(FunctionRow, FunctionRow.function_id == WarmContainerRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(VersionRow.version_id == version_id, WarmContainerRow.state != State.CLOSED)
        )
        return [(row.state, row.container_identifier) for row in found]


def identifier_of(invocation: Json) -> str:
    return str(invocation["executions"][0]["worker_details"]["identifier"])
