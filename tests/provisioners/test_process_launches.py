"""Exactly one container per name, whatever happens to whoever launches it."""

import asyncio
import os
import random
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerDetails, ContainerType
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.process.all_containers import live_container_names
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from tests.provisioners.conftest import container_request
from tests.sdk.api_stub import StubState

ROOT = Path(__file__).parents[2]


async def start_launcher(data_dir: Path, api_url: str, image: Path, execution_id: str) -> asyncio.subprocess.Process:
    """A process of its own that launches as soon as it gets a line on stdin."""
    launcher = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.provisioners.launcher",
        str(data_dir),
        api_url,
        str(image),
        execution_id,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert launcher.stdout is not None
    assert await launcher.stdout.readline() == b"ready\n"
    return launcher


@pytest.fixture
def run_counter(image: Path, tmp_path: Path) -> Path:
    """A file that gets one line for each time that the image's function runs."""
    file = tmp_path / "runs"
    (image / "main.py").write_text(
        f"def f():\n    with open({str(file)!r}, 'a') as file:\n        file.write('run\\n')"
    )
    return file


def runs(run_counter: Path) -> int:
    return len(run_counter.read_text().splitlines())


async def stopped(provisioner: ProcessProvisioner, execution_id: str) -> None:
    name = ContainerName(execution_id=ExecutionId(execution_id), launch=1)
    details = ContainerDetails(type=ContainerType.TEST, identifier=str(name), logs_identifier=str(name))
    async with asyncio.timeout(60):
        await provisioner.wait_for_exit(Container(name=name, details=details))


async def test_one_container_of_eight_concurrent_launches(
    provisioner: ProcessProvisioner, state: StubState, api_url: str, image: Path, data_dir: Path, run_counter: Path
) -> None:
    execution_id = f"exe-{uuid.uuid4().hex}"
    launchers = await asyncio.gather(*(start_launcher(data_dir, api_url, image, execution_id) for _ in range(8)))
    answers = await asyncio.gather(*(launcher.communicate(b"go\n") for launcher in launchers))
    assert {answer for answer, _ in answers} == {f"{execution_id}-1\n".encode()}
    await stopped(provisioner, execution_id)
    assert runs(run_counter) == 1
    assert state.starts == [execution_id]


@pytest.mark.parametrize("seed", range(6))
async def test_one_container_though_the_launching_process_is_killed(
    *,
    provisioner: ProcessProvisioner,
    state: StubState,
    api_url: str,
    image: Path,
    data_dir: Path,
    run_counter: Path,
    seed: int,
) -> None:
    """Killed with its whole process group, at any point of the launch: before, within, after."""
    execution_id = f"exe-{uuid.uuid4().hex}"
    launcher = await start_launcher(data_dir, api_url, image, execution_id)
    assert launcher.stdin is not None
    launcher.stdin.write(b"go\n")
    await launcher.stdin.drain()
    await asyncio.sleep(random.Random(seed).uniform(0, 0.25))  # the point of the launch: chance, not a wait
    with suppress(ProcessLookupError):  # it may have done all it had to
        os.killpg(launcher.pid, 9)
    await launcher.wait()
    await provisioner.launch(container_request(image, execution_id=execution_id))
    await stopped(provisioner, execution_id)
    assert runs(run_counter) == 1
    assert state.starts == [execution_id]
    assert len(live_container_names(data_dir)) == 0


async def test_a_repeated_launch_finds_the_container_running_or_ended(
    provisioner: ProcessProvisioner, image: Path, run_counter: Path
) -> None:
    request = container_request(image)
    first = await provisioner.launch(request)
    second = await provisioner.launch(request)
    await provisioner.wait_for_exit(Container(name=request.name, details=first))
    assert first == second == await provisioner.launch(request)
    assert runs(run_counter) == 1
