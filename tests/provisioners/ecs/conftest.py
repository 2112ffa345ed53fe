"""The provisioner on the stand-in for AWS, without the rest of the control plane."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aioboto3
import pytest

from control_plane_server.domain.entities import Function
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.factory import open_ecs_provisioner
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from environment.aws import AwsSettings
from environment.settings import ControlPlaneSettings
from tests.aws.control import Control
from tests.aws.process import StandIn, running_stand_in
from tests.aws.wire import ADMINISTRATOR_KEY, HOLD_IMAGE
from tests.provisioners.ecs.builders import function, new_ref


@pytest.fixture(scope="package")
async def stand_in() -> AsyncIterator[StandIn]:
    async with running_stand_in(has_event_queue=True) as it:
        yield it


@pytest.fixture
async def aws(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Control]:
    """With nothing wrong in it, and found by whoever asks for AWS."""
    for name, value in stand_in.environment.items():
        monkeypatch.setenv(name, value)
    await stand_in.control.reset()
    yield stand_in.control
    await stand_in.control.reset()


@pytest.fixture
def chosen(aws: Control, monkeypatch: pytest.MonkeyPatch) -> EcsConfiguration:
    """As the processes read it."""
    monkeypatch.setenv("CONTROL_PLANE_API_KEY", "key")
    monkeypatch.setenv("CONTROL_PLANE_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CONTROL_PLANE_STOP_GRACE_SECONDS", "2")
    return replace(AwsSettings().configuration(ControlPlaneSettings()), events_queue_url=None)


@pytest.fixture
def administrator(chosen: EcsConfiguration) -> aioboto3.Session:
    """Who may do what the control plane may not."""
    return aioboto3.Session(aws_access_key_id=ADMINISTRATOR_KEY, aws_secret_access_key="-", region_name=chosen.region)


@pytest.fixture
async def provisioner(chosen: EcsConfiguration) -> AsyncIterator[EcsProvisioner]:
    async with open_ecs_provisioner(chosen) as it:
        yield it


@pytest.fixture
def held() -> Function:
    """A function of a version of its own, whose containers run until they are stopped."""
    return function(new_ref(), docker_image=HOLD_IMAGE)


@pytest.fixture
async def prepared(provisioner: EcsProvisioner, held: Function) -> str:
    return (await provisioner.prepare(held)).identifier


@pytest.fixture
def execution_id() -> ExecutionId:
    return ExecutionId(f"exe-{uuid.uuid4().hex}")


NOW = timedelta()
LONG_AGO = timedelta(minutes=51)
