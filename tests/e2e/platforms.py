"""What the end-to-end tests run on: each provisioner, with whatever has to be there for it."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
from control_plane.deployment.runtime_copies import runtime_path

from control_plane_server.provisioners.docker.engine import Engine, open_docker
from control_plane_server.provisioners.docker.requests import INSTALLATION
from control_plane_server.provisioners.process.container_folders import folder_of
from environment.provisioner_names import ProvisionerName
from tests.aws.client import open_client
from tests.aws.process import StandIn, running_stand_in
from tests.docker.conftest import ENGINE_URL, remove_all
from tests.docker.images import build_image
from tests.e2e.project import FUNCTIONS, PROGRAMS

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


class Platform(Protocol):
    """`environment`: what the stack needs beside what it finds by itself."""

    @property
    def provisioner(self) -> ProvisionerName: ...
    @property
    def stack_folder(self) -> Path: ...
    @property
    def environment(self) -> Mapping[str, str]: ...

    def image(self, folder: Path) -> str:
        """The image that is made of a folder of functions."""

    async def is_gone(self, identifier: str) -> bool:
        """Whether the container has ended, seen past the control plane."""


class Processes:
    """Containers as processes of this machine."""

    provisioner = ProvisionerName.PROCESS
    environment: Mapping[str, str] = {}

    def __init__(self, stack_folder: Path) -> None:
        self.stack_folder = stack_folder

    def image(self, folder: Path) -> str:
        return folder.as_uri()

    async def is_gone(self, identifier: str) -> bool:
        folder = folder_of(self.stack_folder, identifier)
        return folder.has_ended() or not folder.path.exists()


class Tasks:
    """Containers as tasks of the stand-in for AWS."""

    provisioner = ProvisionerName.ECS

    def __init__(self, stack_folder: Path, aws: StandIn) -> None:
        self.stack_folder = stack_folder
        self.own_image = f"{REGISTRY}/control-plane:latest"
        self.environment: Mapping[str, str] = {**aws.environment, "CONTROL_PLANE_IMAGE": self.own_image}
        self._aws = aws.control
        self._stand_in = aws

    def image(self, folder: Path) -> str:
        return f"{REGISTRY}/{folder.parent.name}/{folder.name}:latest"

    async def is_gone(self, identifier: str) -> bool:
        task = (await self._aws.task(identifier)).description
        return all(container["lastStatus"] == "STOPPED" for container in task["containers"])

    async def records(self) -> str:
        """All task definitions and tasks, as AWS describes them."""
        async with open_client(self._stand_in) as aws:
            definitions = (await aws.ecs.list_task_definitions())["taskDefinitionArns"]
            described = [await aws.ecs.describe_task_definition(taskDefinition=arn) for arn in definitions]
            cluster = self.environment["CLUSTER_NAME"]
            tasks = [task.arn for task in await self._aws.tasks()]
            described_tasks = [await aws.ecs.describe_tasks(cluster=cluster, tasks=[arn]) for arn in tasks]
        assert described
        assert described_tasks
        return json.dumps([described, described_tasks], default=str)


class Containers:
    """Containers of this machine's engine, on its own network, as the stack listens on loopback.

    They see the folders of the tests under their own paths.
    """

    provisioner = ProvisionerName.DOCKER

    def __init__(self, stack_folder: Path, engine: Engine, *, shared: Path) -> None:
        self.stack_folder = stack_folder
        self.engine = engine
        self.installation = f"e2e-{uuid.uuid4().hex[:12]}"
        self.environment: Mapping[str, str] = {
            "DOCKER_INSTALLATION": self.installation,
            "DOCKER_NETWORK": "host",
            "DOCKER_MOUNTS": f"{shared}:{shared}",
        }

    def image(self, folder: Path) -> str:
        return f"control-plane-test-{folder.parent.name}-{folder.name}:1".lower()

    async def is_gone(self, identifier: str) -> bool:
        container = await self.engine.inspect(identifier)
        return container is None or not container["State"]["Running"]

    async def records(self) -> str:
        """All containers of this installation, as `docker inspect` shows them."""
        found = await self.engine.containers((f"{INSTALLATION}={self.installation}",))
        assert found
        return json.dumps([await self.engine.inspect(container["Id"]) for container in found], default=str)


@asynccontextmanager
async def open_containers(stack_folder: Path, *, shared: Path) -> AsyncIterator[Containers]:
    async with open_docker(ENGINE_URL) as docker:
        containers = Containers(stack_folder, Engine(docker, ENGINE_URL), shared=shared)
        await build_image(docker, containers.image(FUNCTIONS), FUNCTIONS)
        await build_image(docker, containers.image(PROGRAMS), PROGRAMS, has_runtime=False)
        try:
            yield containers
        finally:
            await remove_all(containers.engine, containers.installation)


@asynccontextmanager
async def open_platform(name: ProvisionerName, folders: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    stack_folder = folders.mktemp(f"stack-{name}") / "data"
    match name:
        case ProvisionerName.PROCESS:
            yield Processes(stack_folder)
        case ProvisionerName.ECS:
            async with running_stand_in() as aws:
                tasks = Tasks(stack_folder, aws)
                for folder in (FUNCTIONS, PROGRAMS):
                    await aws.control.register_image(tasks.image(folder), folder)
                # What the tasks use of it is the folder /runtime.
                own_image = folders.mktemp("control-plane-image")
                (own_image / "runtime").symlink_to(runtime_path(own_image))
                await aws.control.register_image(tasks.own_image, own_image)
                yield tasks
        case ProvisionerName.DOCKER:
            async with open_containers(stack_folder, shared=folders.getbasetemp()) as containers:
                yield containers
