"""What the end-to-end tests run on: each provisioner, with whatever has to be there for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

from environment.provisioner_names import ProvisionerName
from provisioners.process.all_workers import live_worker_names
from provisioners.process.worker_folders import folder_of
from tests.aws.process import StandIn, running_stand_in
from tests.e2e.project import FUNCTIONS

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
        """Whether the worker has ended, seen past the control plane."""

    async def live_worker_names(self) -> set[str]:
        """Of all workers that run, seen past the control plane."""


class Processes:
    """Workers as processes of this machine."""

    provisioner = ProvisionerName.PROCESS
    environment: Mapping[str, str] = {}

    def __init__(self, stack_folder: Path) -> None:
        self.stack_folder = stack_folder

    def image(self, folder: Path) -> str:
        return folder.as_uri()

    async def is_gone(self, identifier: str) -> bool:
        return folder_of(self.stack_folder, identifier).has_ended()

    async def live_worker_names(self) -> set[str]:
        return set(live_worker_names(self.stack_folder))


class Tasks:
    """Workers as tasks of the stand-in for AWS."""

    provisioner = ProvisionerName.ECS

    def __init__(self, stack_folder: Path, aws: StandIn) -> None:
        self.stack_folder = stack_folder
        self.environment: Mapping[str, str] = aws.environment
        self._aws = aws.control

    def image(self, folder: Path) -> str:
        return f"{REGISTRY}/{folder.parent.name}/{folder.name}:latest"

    async def is_gone(self, identifier: str) -> bool:
        return (await self._aws.task(identifier)).status == "STOPPED"

    async def live_worker_names(self) -> set[str]:
        return {task.description["startedBy"] for task in await self._aws.tasks() if task.status != "STOPPED"}


@asynccontextmanager
async def open_platform(name: ProvisionerName, folders: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    stack_folder = folders.mktemp(f"stack-{name}") / "data"
    match name:
        case ProvisionerName.PROCESS:
            yield Processes(stack_folder)
        case ProvisionerName.ECS:
            async with running_stand_in() as aws:
                tasks = Tasks(stack_folder, aws)
                await aws.control.register_image(tasks.image(FUNCTIONS), FUNCTIONS)
                yield tasks
