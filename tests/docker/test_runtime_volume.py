"""What ecs puts into a task for a command, with the control plane's real images: `make image` has made it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from control_plane_server.provisioners.ecs import requests
from tests.docker.compose import run
from tests.docker.images import BASE
from tests.provisioners.ecs.builders import configuration, function

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import ContainerDefinitionOutputTypeDef, ContainerDefinitionTypeDef

    Container = ContainerDefinitionTypeDef | ContainerDefinitionOutputTypeDef


def docker_run(container: "Container", volume: Path, *options: str) -> list[str]:
    """The command line that runs a container of a task definition with this folder as its volume."""
    (mount,) = container.get("mountPoints", [])
    entry_point, *arguments = [*container.get("entryPoint", []), *container.get("command", [])]
    mode = "ro" if mount.get("readOnly") else "rw"
    line = ["docker", "run", "--rm", f"--volume={volume}:{mount.get('containerPath')}:{mode}", *options]
    line += [f"--user={container['user']}"] if "user" in container else []
    line += [f"--workdir={container['workingDirectory']}"] if "workingDirectory" in container else []
    line += ["--read-only"] if container.get("readonlyRootFilesystem") else []
    line += [f"--env={pair.get('name')}={pair.get('value')}" for pair in container.get("environment", [])]
    return [*line, f"--entrypoint={entry_point}", container.get("image", ""), *arguments]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A volume of a task belongs to root, and only root may write into it."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("image", ["control-plane:latest", "control-plane-runtime:latest"])
async def test_any_user_of_an_image_finds_the_program_that_runs_commands(volume: Path, image: str) -> None:
    command = replace(function(docker_image=BASE), command=("sort",))
    definition = requests.task_definition(command, replace(configuration(), runtime_image=image))
    copy, main = definition["containerDefinitions"]
    await run(*docker_run(copy, volume))
    assert (volume / "control_plane" / "container" / "commands.py").exists()
    assert "BEGIN CERTIFICATE" in (volume / "ca-certificates.pem").read_text()
    process = await asyncio.create_subprocess_exec(
        *docker_run(main, volume, "--user=1234:1234", "--read-only"), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().startswith("missing in the environment: MULTINODE_INVOCATION_ID"), "it runs, with no execution"
