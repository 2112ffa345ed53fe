"""Exactly one container per name, whatever happens to whoever launches it."""

import asyncio
import os
import random
import sys
import uuid
from pathlib import Path

import pytest

from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerDetails, ContainerType
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from control_plane_server.provisioners.docker.requests import container_options
from tests.docker.conftest import container_request
from tests.docker.steps import NEW, launch
from tests.sdk.api_stub import StubState

ROOT = Path(__file__).parents[2]


async def start_launcher(
    configuration: DockerConfiguration, image: str, execution_id: str
) -> asyncio.subprocess.Process:
    """A process of its own that launches as soon as it gets a line on stdin."""
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.docker.launcher"),
        *(configuration.installation, configuration.api_url, image, execution_id),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert launcher.stdout is not None
    assert await launcher.stdout.readline() == b"ready\n"
    return launcher


def container_of(execution_id: str) -> Container:
    name = ContainerName(execution_id=ExecutionId(execution_id), launch=1)
    details = ContainerDetails(type=ContainerType.TEST, identifier=str(name), logs_identifier=str(name))
    return Container(name=name, details=details)


async def stopped(provisioner: DockerProvisioner, execution_id: str) -> None:
    async with asyncio.timeout(60):
        await provisioner.wait_for_exit(container_of(execution_id))


async def test_one_container_of_six_concurrent_launches(
    provisioner: DockerProvisioner, configuration: DockerConfiguration, state: StubState, image: str
) -> None:
    execution_id = f"exe-{uuid.uuid4().hex}"
    launchers = await asyncio.gather(*(start_launcher(configuration, image, execution_id) for _ in range(6)))
    answers = await asyncio.gather(*(launcher.communicate(b"go\n") for launcher in launchers))
    assert {answer for answer, _ in answers} == {f"{execution_id}-1\n".encode()}
    await stopped(provisioner, execution_id)
    assert state.starts == [execution_id]


@pytest.mark.parametrize("seed", range(5))
async def test_one_container_though_the_launching_process_is_killed(
    provisioner: DockerProvisioner, configuration: DockerConfiguration, state: StubState, image: str, seed: int
) -> None:
    """At any point of the launch: before, between creation and start, after."""
    execution_id = f"exe-{uuid.uuid4().hex}"
    launcher = await start_launcher(configuration, image, execution_id)
    assert launcher.stdin is not None
    launcher.stdin.write(b"go\n")
    await launcher.stdin.drain()
    await asyncio.sleep(random.Random(seed).uniform(0, 0.15))  # the point of the launch: chance, not a wait
    os.killpg(launcher.pid, 9)
    await launcher.wait()
    await provisioner.launch(container_request(image=image, function="greet", execution_id=execution_id), age=NEW)
    await stopped(provisioner, execution_id)
    assert state.starts == [execution_id]


async def test_what_was_created_and_not_started_is_replaced_and_never_starts(
    provisioner: DockerProvisioner,
    configuration: DockerConfiguration,
    engine: Engine,
    state: StubState,
    image: str,
) -> None:
    """As if its creator slept: it comes too late."""
    request = container_request(image=image, function="greet")
    left = await engine.create(str(request.name), container_options(request, configuration))
    await provisioner.launch(request, age=NEW)
    assert not await engine.start(left)
    await stopped(provisioner, request.name.execution_id)
    assert state.starts == [request.name.execution_id]


async def test_a_repeated_launch_finds_the_container_running_or_ended(
    provisioner: DockerProvisioner, state: StubState, image: str
) -> None:
    request = container_request(image=image, function="greet")
    first = await launch(provisioner, request)
    assert await launch(provisioner, request) == first
    await provisioner.wait_for_exit(first)
    assert await launch(provisioner, request) == first
    assert state.starts == [request.name.execution_id]


async def test_a_withdrawn_name_starts_nothing(
    provisioner: DockerProvisioner, configuration: DockerConfiguration, engine: Engine, image: str
) -> None:
    request = container_request(image=image, function="greet")
    left = await engine.create(str(request.name), container_options(request, configuration))
    assert await provisioner.withdraw(request.name, age=NEW) is None
    assert not await engine.start(left)
    with pytest.raises(Unavailable, match="withdrawn"):
        await provisioner.launch(request, age=NEW)
    assert await provisioner.withdraw(request.name, age=NEW) is None


async def test_a_name_that_is_taken_stays_taken(provisioner: DockerProvisioner, image: str) -> None:
    container = await launch(provisioner, container_request(image=image, function="hold"))
    assert await provisioner.withdraw(container.name, age=NEW) == container.details
