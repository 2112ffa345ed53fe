"""The process provisioner with real processes, whose functions talk to the stub of the API."""

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
from control_plane_server.provisioners.process.all_containers import kill_all_containers
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from tests.sdk.api_stub import StubState, serving

TOKEN = "exe.the-token-of-this-execution"


@pytest.fixture
def state() -> StubState:
    return StubState(api_key=TOKEN)


@pytest.fixture
def api_url(state: StubState) -> Iterator[str]:
    with serving(state) as url:
        yield url


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    yield tmp_path / "data"
    await kill_all_containers(tmp_path / "data")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "image"
    folder.mkdir()
    return folder


@pytest.fixture
def provisioner(data_dir: Path, api_url: str) -> ProcessProvisioner:
    return ProcessProvisioner(data_dir=data_dir, api_url=api_url, stop_grace=timedelta(seconds=60))


def container_request(
    image: Path, *, execution_id: str | None = None, command: tuple[str, ...] | None = None
) -> ContainerRequest:
    return ContainerRequest(
        name=ContainerName(execution_id=ExecutionId(execution_id or f"exe-{uuid.uuid4().hex}"), launch=1),
        function=FunctionRef(
            project_name=ProjectName("p"), version_id=VersionId("ver-1"), function_name=FunctionName("f")
        ),
        invocation_id=InvocationId("inv-p"),
        docker_image=image.as_uri(),
        prepared_identifier=str(image),
        resource_spec=ResourceSpec(virtual_cpus=1, memory_gbs=1, max_concurrency=1),
        command=command,
        token=TOKEN,
    )
