"""A Temporal that is not the one that works for the catalog: another namespace, or one whose state was lost."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx2
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.chaos.stack import ChaosStack
from tests.e2e.ages import grow_old
from tests.e2e.project import Project, lines_of
from tests.e2e.repairs import repairs

_PYTHON = (sys.executable, "-P", "-m")


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChaosStack]:
    ledger = Ledger()
    async with process_stack(tmp_path_factory.mktemp("another") / "data", ledger) as it:
        yield it
    assert ledger.violations == []  # no process of the stack has ended by itself


@pytest.fixture(scope="module")
async def project(stack: ChaosStack) -> AsyncIterator[Project]:
    project = Project(stack.accesses[0], "another")
    yield project
    await project.http.aclose()


class Work:
    """Of each kind: a job that runs, one that waits for its slot, one that backs off for longer than a test lasts."""

    def __init__(self, project: Project, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._invocations: dict[str, str] = {}

    async def begin(self) -> None:
        self._folder.mkdir()
        await self._project.deploy("note_and_hold", "fail_at_first", max_concurrency=1, max_retries=1)
        for name in ("runs", "waits"):
            self._invocations[name] = await self._project.invoke(
                "note_and_hold", notes=str(self._folder / name), release=str(self._folder / "release")
            )
            await lines_of(self._folder / "runs")
        self._invocations["backs off"] = await self._project.invoke(
            "fail_at_first", notes=str(self._folder / "failures"), failures=1
        )
        await lines_of(self._folder / "failures")

    async def assert_untouched(self) -> None:
        for name in ("runs", "waits"):
            invocation = await self._project.get("note_and_hold", self._invocations[name])
            assert invocation["cancellation_request_time"] is None
            assert invocation["invocation_status"] == "RUNNING"

    async def assert_done_once(self) -> None:
        (self._folder / "release").touch()
        for name in ("runs", "waits"):
            (execution,) = (await self._project.ended("note_and_hold", self._invocations[name]))["executions"]
            assert (execution["outcome"], execution["output"], execution["launches"]) == ("SUCCEEDED", "1", 1)
        executions = (await self._project.ended("fail_at_first", self._invocations["backs off"]))["executions"]
        assert [execution["outcome"] for execution in executions] == ["FAILED", "SUCCEEDED"]
        assert len(await lines_of(self._folder / "failures")) == 2


async def run_beside(environment: Mapping[str, str], module: str, *options: str) -> tuple[int | None, str]:
    """Another process of ours: its exit status and what it said, once it has ended."""
    process = await asyncio.create_subprocess_exec(
        *(*_PYTHON, module, *options),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def readiness(stack: ChaosStack) -> list[str]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answers = [(await http.get(f"{url}/health/ready")).json() for url in stack.api_urls]
    return [answer["temporal"] for answer in answers]


async def test_processes_with_a_wrong_namespace_beside_a_healthy_stack_do_not_begin(
    stack: ChaosStack, project: Project, tmp_path: Path
) -> None:
    """And cancel nothing. The namespace is empty, as one is that somebody has just made."""
    work = Work(project, tmp_path / "work")
    await work.begin()
    await stack.client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace="wrong", workflow_execution_retention_period=Duration(seconds=86_400))
    )
    wrong = {**stack.loops[0].environment, "TEMPORAL_NAMESPACE": "wrong"}
    for module, options in (
        ("control_plane_server.processes.loop", ()),
        ("control_plane_server.processes.api", ("--port=1",)),
    ):
        async with asyncio.timeout(60):
            status, said = await run_beside(wrong, module, "--provisioner=process", *options)
        assert status == 2, said
        (line,) = said.splitlines()
        assert line.startswith("The Temporal namespace 'wrong' at ")
        assert "is not the one that this catalog has worked with: set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE" in line
    await work.assert_untouched()
    await work.assert_done_once()


async def test_temporal_that_has_lost_its_state_is_told_of_and_once_adopted_all_goes_on(
    stack: ChaosStack, project: Project, tmp_path: Path
) -> None:
    work = Work(project, tmp_path / "work")
    await work.begin()
    state = stack.folder / "temporal.db"
    assert stack.temporal.kill(downtime=1.0)
    while stack.temporal.pid() is not None:
        await asyncio.sleep(0.02)
    for file in state.parent.glob(f"{state.name}*"):
        file.unlink()
    while await readiness(stack) != ["not ours", "not ours"]:
        await asyncio.sleep(0.1)
    late = await project.invoke("fail_at_first", notes=str(tmp_path / "late"), failures=0)  # accepted all the same
    await work.assert_untouched()
    status, said = await run_beside(
        stack.loops[0].environment, "control_plane_server.processes.loop", "--provisioner=process"
    )
    assert status == 2
    assert "if Temporal's state was lost or moved, run: control-plane adopt-namespace" in said
    status, said = await run_beside(stack.loops[0].environment, "control_plane.cli.main", "adopt-namespace")
    assert (status, said) == (
        0,
        "The namespace default works for this catalog now; `loop` and `api` go on with it by themselves.\n",
    )
    while await readiness(stack) != ["ok", "ok"]:
        await asyncio.sleep(0.1)
    await work.assert_done_once()
    await grow_old(stack.database, late)
    await repairs(stack.client)
    assert (await project.ended("fail_at_first", late))["executions"][0]["outcome"] == "SUCCEEDED"
