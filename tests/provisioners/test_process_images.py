"""What the process provisioner accepts as an image."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from control_plane_server.domain.entities import ContainerType, Function, FunctionStatus, PreparedFunction
from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId
from control_plane_server.domain.specs import ExecutionSpec, ResourceSpec
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner


def function(docker_image: str, command: tuple[str, ...] | None = None) -> Function:
    return Function(
        ref=FunctionRef(project_name=ProjectName("p"), version_id=VersionId("v"), function_name=FunctionName("f")),
        creation_time=datetime.now(UTC),
        docker_image=docker_image,
        resource_spec=ResourceSpec(virtual_cpus=1, memory_gbs=1, max_concurrency=1),
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=60),
        command=command,
        status=FunctionStatus.PENDING,
        prepared=None,
        preparation_error=None,
    )


async def test_a_folder_with_main_is_an_image(provisioner: ProcessProvisioner, tmp_path: Path) -> None:
    folder = tmp_path / "näme with %20"
    folder.mkdir()
    (folder / "main.py").touch()
    prepared = await provisioner.prepare(function(folder.as_uri()))
    assert prepared == PreparedFunction(type=ContainerType.TEST, identifier=str(folder))
    await provisioner.retire(prepared)


async def test_a_command_needs_no_main(provisioner: ProcessProvisioner, image: Path) -> None:
    assert (await provisioner.prepare(function(image.as_uri(), ("true",)))).identifier == str(image)


@pytest.mark.parametrize(
    ("docker_image", "reason"),
    [
        ("python:3.11", "must name a folder of this machine"),
        ("", "must name a folder of this machine"),
        ("file://elsewhere/folder", "must name a folder of this machine"),
        ("file:///does/not/exist", "names no folder of this machine"),
        ("file:", "names no folder of this machine"),
    ],
)
async def test_what_is_no_folder(provisioner: ProcessProvisioner, docker_image: str, reason: str) -> None:
    with pytest.raises(FunctionFailure, match=reason):
        await provisioner.prepare(function(docker_image))


async def test_no_main(provisioner: ProcessProvisioner, image: Path) -> None:
    with pytest.raises(FunctionFailure, match=r"holds no main\.py"):
        await provisioner.prepare(function(image.as_uri()))


async def test_a_module_that_hides_ours(provisioner: ProcessProvisioner, image: Path) -> None:
    (image / "main.py").touch()
    (image / "control_plane.py").touch()
    with pytest.raises(FunctionFailure, match="`control_plane`, which is the name"):
        await provisioner.prepare(function(image.as_uri()))
