"""Opens connections to AWS, and builds on them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aioboto3
from aiobotocore.config import AioConfig

from control_plane_server.provisioners.ecs.calls import PATIENCE
from control_plane_server.provisioners.ecs.client import EcsClient
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.events import TaskEvents
from control_plane_server.provisioners.ecs.logs import LogReader
from control_plane_server.provisioners.ecs.metrics import count_calls
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from control_plane_server.provisioners.ecs.tasks import TaskWatch

# More tries, as all readers of the account share the rate limit: a person who reads a log can wait some seconds longer.
_LOG_PATIENCE = PATIENCE.merge(AioConfig(retries={"mode": "standard", "total_max_attempts": 6}))
# Longer than the queue holds a request open.
_QUEUE_PATIENCE = PATIENCE.merge(AioConfig(read_timeout=40))


@asynccontextmanager
async def open_ecs_client(configuration: EcsConfiguration) -> AsyncIterator[EcsClient]:
    session = _session(configuration)
    async with session.client("ecs", config=PATIENCE) as ecs:
        yield EcsClient(ecs, cluster=configuration.cluster)


@asynccontextmanager
async def open_ecs_provisioner(configuration: EcsConfiguration) -> AsyncIterator[EcsProvisioner]:
    """The provisioner, open while the context lasts. Credentials and answers of AWS are needed only at each call."""
    session = _session(configuration)
    async with (
        open_ecs_client(configuration) as client,
        session.client("logs", config=_LOG_PATIENCE) as logs,
        session.client("ecr", config=PATIENCE) as ecr,
    ):
        yield EcsProvisioner(
            client=client,
            watch=TaskWatch(client),
            logs=LogReader(logs, log_group=configuration.log_group),
            ecr=ecr,
            configuration=configuration,
        )


@asynccontextmanager
async def open_task_events(configuration: EcsConfiguration, *, queue_url: str) -> AsyncIterator[TaskEvents]:
    session = _session(configuration)
    async with session.client("sqs", config=_QUEUE_PATIENCE) as sqs:
        yield TaskEvents(sqs, queue_url=queue_url)


def _session(configuration: EcsConfiguration) -> aioboto3.Session:
    session = aioboto3.Session(region_name=configuration.region)
    count_calls(session)
    return session
