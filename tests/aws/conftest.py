"""One stand-in for all tests, as it was at first for each."""

from collections.abc import AsyncIterator

import pytest

from tests.aws.client import AwsClient, open_client
from tests.aws.control import Control
from tests.aws.process import StandIn, running_stand_in


@pytest.fixture(scope="session")
async def running() -> AsyncIterator[StandIn]:
    async with running_stand_in(has_event_queue=True) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
async def shared_aws(running: StandIn) -> AsyncIterator[AwsClient]:
    async with open_client(running) as aws:
        yield aws


@pytest.fixture
async def aws(shared_aws: AwsClient) -> AsyncIterator[AwsClient]:
    """As it was at first, but for tasks that have ended."""
    await shared_aws.control.reset()
    yield shared_aws
    await shared_aws.control.reset()
    for task in await shared_aws.control.tasks():
        if task.status != "STOPPED":
            await shared_aws.control.lose_host(task.arn)


@pytest.fixture
def control(aws: AwsClient) -> Control:
    return aws.control
