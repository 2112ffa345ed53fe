"""All calls to ECS, at rates that leave other users of the account their share."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from aiolimiter import AsyncLimiter
from botocore.exceptions import ClientError

from control_plane_server.domain.errors import Misconfigured, NoCapacity, Unavailable
from control_plane_server.provisioners.ecs.calls import code_and_message, translate_errors
from control_plane_server.provisioners.ecs.failures import error_of, refused_definition, refused_launch
from control_plane_server.provisioners.ecs.platforms import Host, host_of
from control_plane_server.provisioners.ecs.refusals import Refusals
from control_plane_server.provisioners.ecs.turns import Turns

if TYPE_CHECKING:
    from types_aiobotocore_ecs import ECSClient
    from types_aiobotocore_ecs.type_defs import (
        ListTasksRequestTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
        RunTaskRequestTypeDef,
        TaskDefinitionTypeDef,
        TaskTypeDef,
    )

logger = structlog.get_logger(__name__)

MOST_TASKS_PER_CALL = 100

_MOST_REVISIONS = 10
_MOST_TURNS = 20
_CONFLICT = "ConflictException"
_CLIENT_ERROR = "ClientException"
_INVALID = "InvalidParameterException"
_THROTTLING = "ThrottlingException"


class EcsClient:
    """The tasks and task definitions of one cluster.

    Every method raises Unavailable for what passes by itself, Misconfigured for what an operator must repair.
    """

    def __init__(self, ecs: "ECSClient", *, cluster: str) -> None:
        self._ecs = ecs
        self._cluster = cluster
        self._refusals = Refusals()
        # Amazon ECS API reference, "Request throttling": of the whole account and Region, per second.
        self._launches = AsyncLimiter(19, 1)  # Fargate takes 20 RunTask calls
        self._stops = AsyncLimiter(20, 1)  # 40 that modify a cluster, launches included
        self._reads = AsyncLimiter(5, 1)  # 20 that read a cluster
        # 1 that registers or deregisters, after a burst of 20: deletions leave a part of the burst to deploys.
        self._definitions = Turns(burst=15, per_second=1, reserve=10, most_patient=200)
        self._definition_reads = Turns(burst=10, per_second=10, reserve=0, most_patient=0)  # 20 that read definitions

    async def run_task(self, request: "RunTaskRequestTypeDef", *, before: float) -> str:
        """The ARN of the task that runs, or has run, under the request's token.

        `before`: until when ECS knows the token, in seconds of the monotonic clock; later it is not sent any more.
        Raises NoCapacity if nothing was started; ECS may repeat that answer to the same token for an hour.
        """
        async with self._launches:
            if time.monotonic() >= before:
                raise Unavailable("The launch waited for its turn until its token may have been forgotten")
            try:
                with (
                    self._refusals.judged("ecs:RunTask", about=request["taskDefinition"]),
                    translate_errors("ecs:RunTask", but=(_CONFLICT,)),
                ):
                    answer = await self._ecs.run_task(**request)
            except ClientError as error:
                # The token was sent before with other settings: the task that it started then is the launch's task.
                arns: list[str] = error.response.get("resourceIds", [])  # type: ignore[assignment]
                if not arns:
                    raise NoCapacity("The launch was refused before, when it was sent with other settings") from error
                return arns[0]
        if not answer["tasks"]:
            raise refused_launch(answer["failures"])
        return answer["tasks"][0]["taskArn"]

    async def find_running_task(self, started_by: str) -> str | None:
        """The ARN of the task that was started under this name, if it is to go on running."""
        async with self._reads:
            with translate_errors("ecs:ListTasks"):
                # It must be the only filter. Tasks that are to stop are not found by it.
                answer = await self._ecs.list_tasks(cluster=self._cluster, startedBy=started_by)
        return next(iter(answer["taskArns"]), None)

    async def running_tasks(self, page: str | None = None) -> tuple[list[str], str | None]:
        """The ARNs of MOST_TASKS_PER_CALL tasks of the cluster that are to go on running, whoever started them, and the
        next page; None after the last one."""
        request: ListTasksRequestTypeDef = {"cluster": self._cluster, "maxResults": MOST_TASKS_PER_CALL}
        if page is not None:
            request["nextToken"] = page
        async with self._reads:
            with translate_errors("ecs:ListTasks"):
                answer = await self._ecs.list_tasks(**request)
        return answer["taskArns"], answer.get("nextToken")

    async def describe_tasks(self, arns: Sequence[str]) -> "list[TaskTypeDef]":
        """The tasks of 1 to MOST_TASKS_PER_CALL ARNs, all of one cluster. Those that ECS does not know, not yet or no
        longer, are left out."""
        async with self._reads:
            with translate_errors("ecs:DescribeTasks"):
                answer = await self._ecs.describe_tasks(cluster=cluster_of(arns[0]), tasks=arns)
        return answer["tasks"]

    async def stop_task(self, arn: str, *, reason: str) -> None:
        """Stop a task: SIGTERM now, SIGKILL after its stop timeout. A task that is gone is a success."""
        async with self._stops:
            try:
                with translate_errors("ecs:StopTask", but=(_INVALID,)):
                    await self._ecs.stop_task(cluster=cluster_of(arn), task=arn, reason=reason)
            except ClientError as error:
                code, message = code_and_message(error)
                if "not found" not in message:
                    raise error_of("ecs:StopTask", code, message) from error

    async def register_task_definition(self, request: "RegisterTaskDefinitionRequestTypeDef", *, version: str) -> str:
        """Register a new revision and return its ARN. Versions take turns, see `Turns`.

        Other processes share AWS's rate limit: a call that is throttled takes another turn soon, as one with growing
        pauses would be overtaken by new calls. Raises FunctionFailure for a definition that ECS does not accept.
        """
        turns = 0
        while True:
            await self._definitions.take(version)
            turns += 1
            try:
                with (
                    self._empty_when_throttled(),
                    self._refusals.judged("ecs:RegisterTaskDefinition", about=request["family"]),
                    translate_errors("ecs:RegisterTaskDefinition", but=(_CLIENT_ERROR, _INVALID)),
                ):
                    answer = await self._ecs.register_task_definition(**request)
            except ClientError as error:
                raise refused_definition(*code_and_message(error)) from error
            except Unavailable as error:
                if turns == _MOST_TURNS or not _is_out_of_calls(error):
                    raise
            else:
                return answer["taskDefinition"]["taskDefinitionArn"]

    async def host_of_capacity_providers(self, names: Sequence[str]) -> Host:
        """What runs the tasks of these providers, all of one kind. Raises FunctionFailure if the cluster lacks one."""
        async with self._reads:
            with translate_errors("ecs:DescribeCapacityProviders"):
                answer = await self._ecs.describe_capacity_providers(capacityProviders=names, cluster=self._cluster)
        return host_of(names, answer["capacityProviders"], cluster=self._cluster)

    async def newest_task_definitions(self, family: str, *, version: str) -> "AsyncIterator[TaskDefinitionTypeDef]":
        """The ten newest active revisions, newest first, each fetched when it is asked for. Versions take turns."""
        await self._definition_reads.take(version)
        with translate_errors("ecs:ListTaskDefinitions"):
            listed = await self._ecs.list_task_definitions(
                familyPrefix=family, status="ACTIVE", sort="DESC", maxResults=_MOST_REVISIONS
            )
        for arn in listed["taskDefinitionArns"]:
            await self._definition_reads.take(version)
            with translate_errors("ecs:DescribeTaskDefinition"):
                answer = await self._ecs.describe_task_definition(taskDefinition=arn)
            yield answer["taskDefinition"]

    async def deregister_task_definition(self, arn: str) -> None:
        """Deregister a revision, when no registration waits. May be repeated. A revision that is gone is a success."""
        await self._definitions.take_when_idle()
        try:
            with (
                self._empty_when_throttled(),
                translate_errors("ecs:DeregisterTaskDefinition", but=(_CLIENT_ERROR, _INVALID)),
            ):
                await self._ecs.deregister_task_definition(taskDefinition=arn)
        except ClientError as error:
            refusal = error_of("ecs:DeregisterTaskDefinition", *code_and_message(error))
            if not isinstance(refusal, Misconfigured):
                raise refusal from error
            logger.warning("task_definition_is_gone", task_definition=arn, reason=str(refusal))

    @contextmanager
    def _empty_when_throttled(self) -> Iterator[None]:
        """Other processes share the rate limit: after a throttled call no calls are left, and deregistrations wait."""
        try:
            yield
        except Unavailable as error:
            if _is_out_of_calls(error):
                self._definitions.empty()
            raise


def _is_out_of_calls(error: Unavailable) -> bool:
    refusal = error.__cause__
    return isinstance(refusal, ClientError) and code_and_message(refusal)[0] == _THROTTLING


def cluster_of(arn: str) -> str:
    """The cluster in a task's ARN, which need not be that of the settings:
    `arn:aws:ecs:<region>:<account>:task/<cluster>/<id>`."""
    return arn.split("/")[-2]
