"""Inputs, outputs and files of megabytes, on every platform's own kind of store."""

from collections.abc import AsyncIterator
from pathlib import Path

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess

from tests.e2e.project import PROGRAMS, Project

LONG = "äöü" + "x" * 20_000_000
COPY = 'cat "$CONTROL_PLANE_INPUT" > "$CONTROL_PLANE_OUTPUT"'


@pytest.fixture
async def client(stack: StackAccess) -> AsyncIterator[cp.AsyncClient]:
    async with cp.AsyncClient(stack.api_url, stack.api_key) as it:
        yield it


async def test_twenty_megabytes_in_and_out(project: Project, client: cp.AsyncClient) -> None:
    await project.deploy("echo_text")
    call = await client.function(project.name, "echo_text").submit(LONG)
    assert await call.result() == LONG
    shown = await project.get("echo_text", call.id)
    assert (shown["input"], shown["executions"][0]["output"]) == ("", None)


async def test_twenty_megabytes_through_a_command(project: Project, client: cp.AsyncClient) -> None:
    await project.deploy("command", folder=PROGRAMS, command=["sh", "-c", COPY])
    call = await client.function(project.name, "command").submit(LONG)
    assert await call.result() == LONG


async def test_to_a_child_and_back(project: Project, client: cp.AsyncClient) -> None:
    await project.deploy("echo_text", "echo_by_child")
    call = await client.function(project.name, "echo_by_child").submit(LONG[:1_000_000])
    assert await call.result() == LONG[:1_000_000]


async def test_checkpoints_of_megabytes(project: Project, client: cp.AsyncClient) -> None:
    await project.deploy("go_on_with_megabytes", max_retries=2)
    call = await client.function(project.name, "go_on_with_megabytes").submit()
    assert await call.result() == [6_000_000, 6_000_000]
    shown = await project.get("go_on_with_megabytes", call.id)
    assert (shown["checkpoint"]["attempt"], shown["checkpoint"]["size"]) == (2, 12_000_002)


async def test_files_are_kept(project: Project, client: cp.AsyncClient, tmp_path: Path) -> None:
    await project.deploy("keep_files")
    call = await client.function(project.name, "keep_files").submit(2_000_000)
    await call.result()
    again, kept = await call.artifacts()
    assert [(one.name, one.size) for one in (again, kept)] == [("again.txt", 2_000_000), ("kept.txt", 2_000_000)]
    await call.download(kept, tmp_path / "downloaded")
    sizes = {file.name: file.stat().st_size for file in tmp_path.glob("*")}  # noqa: ASYNC240
    assert sizes == {"downloaded": 2_000_000}
