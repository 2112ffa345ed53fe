"""The docker provisioner on a real engine, with containers that talk to the stub of the API."""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from control_plane_server.domain.containers import ContainerName, ContainerRequest
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
)
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.factory import open_docker_provisioner, open_engine
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.docker.images import BASE, build_image
from tests.sdk.api_stub import StubState, serving

ENGINE_URL = "unix:///var/run/docker.sock"
FUNCTIONS = Path(__file__).parent / "functions"
IMAGE = "control-plane-test-functions:1"
TOKEN = "exe.the-token-of-this-execution"


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """These need an engine: `make test-docker`."""
    return None if "docker" in config.getoption("platforms").split(",") else True


@pytest.fixture
def state() -> StubState:
    return StubState(api_key=TOKEN)


@pytest.fixture
def api_url(state: StubState) -> Iterator[str]:
    with serving(state) as url:
        yield url


@pytest.fixture(scope="session")
async def image() -> str:
    """Of the functions beside this file."""
    async with open_engine(configuration_of("build", "")) as engine:
        await build_image(engine.docker, IMAGE, FUNCTIONS)
    return IMAGE


@pytest.fixture
async def configuration(api_url: str) -> AsyncIterator[DockerConfiguration]:
    """Of an installation of the test's own, all of whose containers go with it."""
    configuration = configuration_of(f"test-{uuid.uuid4().hex[:12]}", api_url)
    yield configuration
    async with open_engine(configuration) as engine:
        await remove_all(engine, configuration.installation)


@pytest.fixture
async def engine(configuration: DockerConfiguration) -> AsyncIterator[Engine]:
    async with open_engine(configuration) as it:
        yield it


@pytest.fixture
async def provisioner(configuration: DockerConfiguration) -> AsyncIterator[DockerProvisioner]:
    async with open_docker_provisioner(configuration) as it:
        yield it


def configuration_of(installation: str, api_url: str, *, engine_url: str = ENGINE_URL) -> DockerConfiguration:
    """The server's own network, as the stub listens on loopback."""
    return DockerConfiguration(
        engine_url=engine_url,
        installation=installation,
        api_url=api_url,
        network="host",
        stop_grace=timedelta(seconds=60),
        retention=timedelta(hours=1),
        log_max_mib=100,
    )


def container_request(
    *,
    execution_id: str | None = None,
    image: str = BASE,
    function: str = "f",
    command: tuple[str, ...] | None = None,
    virtual_cpus: float = 1,
    memory_gbs: float = 0.25,
) -> ContainerRequest:
    return ContainerRequest(
        name=ContainerName(execution_id=ExecutionId(execution_id or f"exe-{uuid.uuid4().hex}"), launch=1),
        function=FunctionRef(
            project_name=ProjectName("p"), version_id=VersionId("ver-1"), function_name=FunctionName(function)
        ),
        invocation_id=InvocationId("inv-p"),
        docker_image=image,
        prepared_identifier=image,
        resource_spec=ResourceSpec(virtual_cpus=virtual_cpus, memory_gbs=memory_gbs, max_concurrency=1),
        command=command,
        token=TOKEN,
    )


async def remove_all(engine: Engine, installation: str) -> None:
    for container in await engine.containers((f"control-plane.installation={installation}",)):
        await engine.docker.containers.container(container["Id"]).delete(force=True, v=True)
