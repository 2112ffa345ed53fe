"""A whole stack whose containers are tasks of the stand-in for AWS."""

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from control_plane_server.orchestration.payloads import data_converter
from environment.provisioner_names import ProvisionerName
from tests.aws.control import Control
from tests.aws.process import running_stand_in
from tests.cli.stacks import Ports, dev
from tests.e2e.project import Project

FUNCTIONS = Path(__file__).parent / "functions"
IMAGE = "registry.example.com/functions:1"
NewProject = Callable[..., Project]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A control plane and the account that it uses. `environment`: the settings of the account's stack."""

    stack: StackAccess
    aws: Control
    folder: Path
    environment: dict[str, str]


@pytest.fixture(scope="package")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud") / "data"
    async with running_stand_in() as aws:
        await aws.control.register_image(IMAGE, FUNCTIONS)
        grace = {"CONTROL_PLANE_STOP_GRACE_SECONDS": "3"}
        async with dev(folder, Ports.free(), provisioner=ProvisionerName.ECS, **aws.environment, **grace) as it:
            yield Cloud(stack=await it.ready(), aws=aws.control, folder=folder, environment=aws.environment)


@pytest.fixture
async def aws(cloud: Cloud) -> AsyncIterator[Control]:
    """As it is when nothing is wrong, before the test and after it."""
    await cloud.aws.reset()
    yield cloud.aws
    await cloud.aws.reset()


@pytest.fixture
async def temporal(cloud: Cloud) -> Client:
    return await Client.connect(cloud.stack.temporal_address, data_converter=data_converter)


_NUMBERS = itertools.count(1)


@pytest.fixture
async def new_project(cloud: Cloud, aws: Control) -> AsyncIterator[NewProject]:
    projects: list[Project] = []

    def make(image: str = IMAGE) -> Project:
        projects.append(Project(cloud.stack, f"cloud-{next(_NUMBERS)}", image=lambda _: image))
        return projects[-1]

    yield make
    for project in projects:
        await project.http.aclose()


@pytest.fixture
def project(new_project: NewProject) -> Project:
    return new_project()
