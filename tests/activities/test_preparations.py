"""What a process prepares at once, and what it does not prepare."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.messenger import Messenger
from activities.preparations import BoundPreparationActivities
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.secrets import SecretRepository
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.entities import ContainerType, Function, PreparedFunction
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.messages import PrepareFunctionRequest, PrepareFunctionResult
from control_plane_server.domain.specs import ExecutionSpec, FunctionSpec, ResourceSpec
from tests.factories import FUNCTION_NAME, insert_function
from tests.simulation.containers import Fleet


class Slow(Fleet):
    """A platform that prepares nothing before it may."""

    def __init__(self) -> None:
        super().__init__(stop_grace=timedelta(seconds=1))
        self.begun = 0
        self.may_prepare = asyncio.Event()

    async def prepare(self, function: Function) -> PreparedFunction:
        self.begun += 1
        await self.may_prepare.wait()
        return PreparedFunction(type=ContainerType.TEST, identifier=function.ref.version_id)


async def test_what_would_take_all_slots_is_put_off(database: Database) -> None:
    platform = Slow()
    messenger = Messenger(await Client.connect("nobody.invalid:7233", lazy=True), database)
    activities = BoundPreparationActivities(
        database=database, provisioner=platform, messenger=messenger, most_at_once=2
    )

    async def prepare(function: FunctionRef) -> str | None:
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(seconds=20))
        result = await environment.run(activities.prepare_function, PrepareFunctionRequest(function=function))
        return result.identifier

    first, second, third = [await insert_function(database, is_ready=False) for _ in range(3)]
    under_way = [asyncio.create_task(prepare(function)) for function in (first, second)]
    while platform.begun < 2:
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await prepare(third)
    platform.may_prepare.set()
    assert await asyncio.gather(*under_way) == [first.version_id, second.version_id]
    assert await prepare(third) == third.version_id


async def test_a_function_whose_secret_is_not_set_is_refused_with_what_to_do(database: Database) -> None:
    platform = Slow()
    platform.may_prepare.set()
    messenger = Messenger(await Client.connect("nobody.invalid:7233", lazy=True), database)
    activities = BoundPreparationActivities(database=database, provisioner=platform, messenger=messenger)
    spec = FunctionSpec(
        function_name=FUNCTION_NAME,
        docker_image="file:///nowhere",
        resource_spec=ResourceSpec(virtual_cpus=1, memory_gbs=1, max_concurrency=1),
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=60),
        secrets={"URL": "billing-db", "TOKEN": "arn:aws:ssm:eu-west-1:123456789012:parameter/x"},
    )

    async def prepare() -> PrepareFunctionResult:
        async with database.transaction() as connection:
            version = await VersionRepository(connection).create("p q", [spec], creates_project=True)
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(seconds=20))
        request = PrepareFunctionRequest(function=version.functions[0].ref)
        return await environment.run(activities.prepare_function, request)

    refused = await prepare()
    assert (refused.identifier, refused.preparation_error, platform.begun) == (
        None,
        "The secret billing-db is not set in project p q, for URL; set with: "
        "control-plane secrets set 'p q' billing-db; then deploy again",
        0,
    )
    async with database.transaction() as connection:
        await SecretRepository(connection).put("p q", "billing-db", "1", keys=SecretKeys(("A" * 43 + "=",)))
    assert (await prepare()).preparation_error is None
