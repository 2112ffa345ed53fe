"""AWS as tests of the stand-in use it: its clients, and what the tests do with them again and again."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aioboto3
import pytest
from aiobotocore.config import AioConfig
from botocore.exceptions import ClientError

from tests.aws.control import Control
from tests.aws.process import StandIn
from tests.aws.wire import ADMINISTRATOR_KEY, HOLD_IMAGE

if TYPE_CHECKING:
    from types_aiobotocore_ecr import ECRClient
    from types_aiobotocore_ecs import ECSClient
    from types_aiobotocore_ecs.type_defs import TaskTypeDef
    from types_aiobotocore_events import EventBridgeClient
    from types_aiobotocore_logs import CloudWatchLogsClient
    from types_aiobotocore_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class AwsClient:
    environment: dict[str, str]
    control: Control
    ecs: "ECSClient"
    logs: "CloudWatchLogsClient"
    sqs: "SQSClient"
    ecr: "ECRClient"
    events: "EventBridgeClient"

    @property
    def cluster(self) -> str:
        return self.environment["CLUSTER_NAME"]

    @property
    def network(self) -> Any:
        return {
            "awsvpcConfiguration": {
                "subnets": self.environment["SUBNET_IDS"].split(","),
                "securityGroups": [self.environment["SECURITY_GROUP_IDS"]],
            }
        }

    async def register(
        self, image: str = HOLD_IMAGE, *, family: str | None = None, log_group: str | None = None, **container: Any
    ) -> str:
        """The ARN of a new task definition with one container, `main`."""
        options = {
            "awslogs-group": log_group or self.environment["LOG_GROUP"],
            "awslogs-region": self.environment["AWS_REGION"],
            "awslogs-stream-prefix": "ecs",
        }
        main: Any = {
            "name": "main",
            "image": image,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
            **container,
        }
        answer = await self.ecs.register_task_definition(
            family=family or f"family-{uuid.uuid4().hex}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=self.environment["EXECUTION_ROLE_ARN"],
            containerDefinitions=[main],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    async def register_folder(self, folder: Path, **container: Any) -> str:
        """A task definition whose image is a folder."""
        image = f"registry.example.com/{uuid.uuid4().hex}:1"
        await self.control.register_image(image, folder)
        return await self.register(image, **container)

    async def run(self, definition: str, **parameters: Any) -> str:
        """The ARN of the one task that runs now."""
        answer = await self.request(definition, **parameters)
        assert answer["failures"] == []
        return str(answer["tasks"][0]["taskArn"])

    async def request(self, definition: str, **parameters: Any) -> Any:
        """RunTask's answer."""
        return await self.ecs.run_task(
            **{
                "cluster": self.cluster,
                "taskDefinition": definition,
                "launchType": "FARGATE",
                "networkConfiguration": self.network,
                **parameters,
            }
        )

    async def running(self, definition: str, **parameters: Any) -> str:
        arn = await self.run(definition, **parameters)
        await self.control.wait_for(arn, "RUNNING")
        return arn

    async def stop(self, arn: str, reason: str = "enough") -> None:
        await self.ecs.stop_task(cluster=self.cluster, task=arn, reason=reason)

    async def stopped(self, arn: str) -> "TaskTypeDef":
        """The task, once it has stopped."""
        await self.control.wait_for(arn, "STOPPED")
        return await self.described(arn)

    async def described(self, arn: str) -> "TaskTypeDef":
        answer = await self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn])
        assert answer["failures"] == []
        return answer["tasks"][0]

    async def lines(self, arn: str) -> list[str]:
        """What the task's container wrote, as far as CloudWatch has it."""
        answer = await self.logs.get_log_events(
            logGroupName=self.environment["LOG_GROUP"],
            logStreamName=f"ecs/main/{arn.rpartition('/')[2]}",
            startFromHead=True,
        )
        return [event["message"] for event in answer["events"]]


@asynccontextmanager
async def open_client(stand_in: StandIn, access_key: str = ADMINISTRATOR_KEY) -> AsyncIterator[AwsClient]:
    """Clients that make one attempt per call."""
    session = aioboto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=stand_in.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=stand_in.environment["AWS_REGION"],
    )
    config = AioConfig(retries={"total_max_attempts": 1}, max_pool_connections=50, read_timeout=20)
    url = stand_in.endpoint_url
    async with (
        session.client("ecs", endpoint_url=url, config=config) as ecs,
        session.client("logs", endpoint_url=url, config=config) as logs,
        session.client("sqs", endpoint_url=url, config=config) as sqs,
        session.client("ecr", endpoint_url=url, config=config) as ecr,
        session.client("events", endpoint_url=url, config=config) as events,
    ):
        yield AwsClient(stand_in.environment, stand_in.control, ecs, logs, sqs, ecr, events)


def refused(code: str, message: str = "") -> Any:
    """A context in which a call has to fail with an error of AWS."""
    return pytest.raises(ClientError, check=lambda error: _is(error, code, message))


def _is(error: ClientError, code: str, message: str) -> bool:
    said = error.response["Error"]
    return said["Code"] == code and message in said["Message"]
