"""What a process prepares at once."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.messenger import Messenger
from activities.preparations import BoundPreparationActivities
from control_plane_server.catalog.database import Database
from control_plane_server.domain.entities import ContainerType, Function, PreparedFunction
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.messages import PrepareFunctionRequest
from tests.factories import insert_function
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
