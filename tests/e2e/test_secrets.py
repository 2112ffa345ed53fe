"""Secrets on the whole stack: functions and commands find them, and nobody else does."""

import asyncio
import uuid
from pathlib import Path

import httpx2
import pytest
from control_plane.access.local_stacks import StackAccess
from sqlalchemy import text
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.e2e.planted import answers_with, files_with, histories_with, processes_with, rows_with
from tests.e2e.platforms import Containers, Platform, Tasks
from tests.e2e.project import PROGRAMS, Json, Project, lines_of, release_file
from tests.e2e.second_api import second_api
from tests.proxy import proxy_of_postgres


async def run(project: Project, function: str) -> Json:
    return await project.ended(function, await project.invoke(function))


async def test_a_function_talks_to_a_database_whose_address_is_a_secret(project: Project, stack_folder: Path) -> None:
    settings = await EmbeddedPostgres(stack_folder / "postgres").start()  # finds the one that runs
    async with proxy_of_postgres(settings) as (_, reachable):
        url = reachable.url.set(drivername="postgresql").render_as_string(hide_password=False)
        await project.set_secret("database", url)
        await project.deploy(
            "ask_database",
            environment={"QUESTION": "SELECT sum(number) FROM generate_series(1, 100) AS number"},
            secrets={"DATABASE_URL": "database"},
        )
        (execution,) = (await run(project, "ask_database"))["executions"]
    assert (execution["outcome"], execution["output"], execution["error_message"]) == ("SUCCEEDED", "5050", None)


async def test_a_planted_value_is_nowhere_but_in_the_users_own_processes(
    project: Project,
    stack: StackAccess,
    stack_folder: Path,
    platform: Platform,
    temporal: Client,
    catalog: Database,
    tmp_path: Path,
) -> None:
    value, plain = (f"planted-{uuid.uuid4().hex}" for _ in range(2))  # of a secret, and of what is none
    await project.set_secret("first", "another")
    for body in (f'"{value}"', f'{{"value": "{value}\\u0000"}}', f'{{"value": ["{value}"]}}'):
        refused = await project.http.put(f"/projects/{project.name}/secrets/first", content=body)
        assert (refused.status_code, value in refused.text) == (422, False)
    refused = await project.http.post(
        f"/projects/{project.name}/versions",
        json={"default_docker_image": "x", "functions": [{"secrets": {"SECRET": value + ":"}}]},
    )
    assert (refused.status_code, value in refused.text) == (422, False)
    await project.set_secret("first", value)
    secrets = {"SECRET": "first"}
    names = ("length_of_secret", "hold_with_a_child", "fail_with_secret")
    version = await project.deploy(*names, secrets=secrets, environment={"PLAIN": plain})
    holding = await project.invoke("hold_with_a_child", notes=str(tmp_path / "notes"), release=str(tmp_path / "go"))
    (container,) = await lines_of(tmp_path / "notes")
    if not isinstance(platform, Containers):  # whose processes have other numbers
        found = processes_with(value)
        assert set(found.values()) == {"sleep 3600"}, "the child, and not even the container itself"
        assert int(container) not in found
    release_file(str(tmp_path / "go"))
    assert (await project.ended("hold_with_a_child", holding))["executions"][0]["output"] == str(len(value))
    failed = await run(project, "fail_with_secret")
    assert failed["executions"][0]["error_message"] == f"ValueError: no good: {len(value)} characters"
    assert "fail_with_secret" in failed["executions"][0]["error_traceback"]

    await project.deploy("command", folder=PROGRAMS, command=["sh", "-c", "printf %s ${#SECRET} >&1"], secrets=secrets)
    assert (await run(project, "command"))["executions"][0]["output"] == str(len(value))

    assert await rows_with(plain, catalog)
    assert await rows_with(value, catalog) == []
    assert await histories_with("fail_with_secret", temporal)
    assert await histories_with(value, temporal) == []
    async with catalog.statement() as connection:  # what is in memory alone would not be found in files
        await connection.execute(text("CHECKPOINT"))
    assert files_with(plain, stack_folder)
    assert files_with(value, stack_folder) == []
    assert processes_with(value) == {}
    invocations = [
        project.path("hold_with_a_child", holding),
        project.path("fail_with_secret", failed["invocation_id"]),
    ]
    paths = [
        f"/projects/{project.name}/versions/{version['version_id']}",
        f"/projects/{project.name}/secrets",
        f"/projects/{project.name}/secrets/first",
        f"/projects/{project.name}/invocations",
        f"/projects/{project.name}/failures",
        *invocations,
        *(f"{path}/events" for path in invocations),
    ]
    assert await answers_with(value, stack, iter(paths)) == []
    records = await platform_records(platform)
    assert value not in records
    assert plain in records or not records


async def platform_records(platform: Platform) -> str:
    """What the platform shows of containers to whoever may look."""
    if isinstance(platform, Tasks):
        return await platform.records()
    if isinstance(platform, Containers):
        return await platform.records()
    return ""


async def test_a_changed_value_is_the_next_containers(project: Project) -> None:
    await project.set_secret("it", "one")
    await project.deploy("length_of_secret", secrets={"SECRET": "it"})
    assert (await run(project, "length_of_secret"))["executions"][0]["output"] == "3"
    await project.set_secret("it", "three")
    assert (await run(project, "length_of_secret"))["executions"][0]["output"] == "5"


async def test_a_secret_that_is_not_there(project: Project) -> None:
    await project.http.put(f"/projects/{project.name}")
    advice = f"The secret it is not set in project {project.name}, for SECRET; set with: control-plane secrets set "
    refused = await project.declare("length_of_secret", secrets={"SECRET": "it"})
    while (function := refused["functions"][0])["preparation_error"] is None:
        await asyncio.sleep(0.05)
        refused = await project.version(refused["version_id"])
    assert function["preparation_error"] == f"{advice}{project.name} it; then deploy again"
    assert function["function_status"] == "PENDING"

    await project.set_secret("it", "1")
    await project.deploy("length_of_secret", max_retries=3, secrets={"SECRET": "it"})
    assert (await project.http.delete(f"/projects/{project.name}/secrets/it")).status_code == 200
    (execution,) = (await run(project, "length_of_secret"))["executions"]
    assert (execution["outcome"], execution["error_message"]) == ("FAILED", f"{advice}{project.name} it")


@pytest.mark.platforms("process")
async def test_keys_are_rotated_while_containers_run_and_start(
    project: Project, stack: StackAccess, stack_folder: Path, platform: Platform, catalog: Database, tmp_path: Path
) -> None:
    old, new = DataFolder(stack_folder).secrets_key(), "b" * 42 + "8="
    await project.set_secret("it", "value")
    await project.deploy("hold_with_a_child", "length_of_secret", secrets={"SECRET": "it"})
    running = await project.invoke("hold_with_a_child", notes=str(tmp_path / "notes"), release=str(tmp_path / "go"))
    await lines_of(tmp_path / "notes")
    async with second_api(stack, catalog.url, f"{new},{old}", folder=tmp_path) as api:
        assert await rotated(api) >= 1
        # The stack's own API has only the old key by now. What starts waits for one that has both.
        starting = await project.invoke("length_of_secret")
        while not (await project.get("length_of_secret", starting))["executions"][-1:]:
            await asyncio.sleep(0.05)
        while (await project.get("length_of_secret", starting))["executions"][0]["execution_start_time"] is None:
            await asyncio.sleep(0.05)
    async with second_api(stack, catalog.url, f"{old},{new}", folder=tmp_path) as api:
        assert await rotated(api) >= 1
    (execution,) = (await project.ended("length_of_secret", starting))["executions"]
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", "5")
    release_file(str(tmp_path / "go"))
    (execution,) = (await project.ended("hold_with_a_child", running))["executions"]
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", "5")


async def rotated(api: httpx2.AsyncClient) -> int:
    while (response := await api.post("/secrets/rotate")).status_code == 503:  # a busy machine; it may be repeated
        await asyncio.sleep(0.1)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["remaining"], answer["unreadable"]) == (0, 0)
    return int(answer["rotated"])
