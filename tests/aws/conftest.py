"""One stand-in for all tests, as it was at first for each."""

from collections.abc import AsyncIterator

import pytest

from tests.aws.control import Control
from tests.aws.process import StandIn, running_stand_in
from tests.aws.scene import Scene, opened


@pytest.fixture(scope="session")
async def running() -> AsyncIterator[StandIn]:
    async with running_stand_in(has_event_queue=True) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
async def shared_scene(running: StandIn) -> AsyncIterator[Scene]:
    async with opened(running) as scene:
        yield scene


@pytest.fixture
async def scene(shared_scene: Scene) -> AsyncIterator[Scene]:
    """As it was at first, but for tasks that have ended."""
    await shared_scene.control.reset()
    yield shared_scene
    await shared_scene.control.reset()
    for task in await shared_scene.control.tasks():
        if task.status != "STOPPED":
            await shared_scene.control.lose_host(task.arn)


@pytest.fixture
def control(scene: Scene) -> Control:
    return scene.control
