"""Containers as tasks of AWS ECS."""

import asyncio
import time
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from control_plane_server.domain.containers import (
    FIRST_LINE,
    Container,
    ContainerExit,
    ContainerName,
    ContainerRequest,
    ImageFolder,
    LivePage,
    LogPage,
    LogStart,
    LogTiming,
    RepositoryCredentials,
)
from control_plane_server.domain.entities import ContainerDetails, ContainerType, Function, PreparedFunction
from control_plane_server.domain.errors import FoldersAreNoImages, LaunchIsLost
from control_plane_server.domain.identifiers import ProjectName
from control_plane_server.provisioners.ecs import requests
from control_plane_server.provisioners.ecs.client import EcsClient
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.images import remove_tags, tags_of_project
from control_plane_server.provisioners.ecs.logs import LogReader
from control_plane_server.provisioners.ecs.platforms import Host, wanted_providers
from control_plane_server.provisioners.ecs.registry import repository_credentials
from control_plane_server.provisioners.ecs.statuses import OUR_STOP_REASON
from control_plane_server.provisioners.ecs.tasks import TaskWatch

if TYPE_CHECKING:
    from types_aiobotocore_ecr import ECRClient

# ECS forgets a token an hour after its task has stopped, at the earliest an hour after it was sent (Amazon ECS API
# reference, "Ensuring idempotency").
_TOKEN_IS_KNOWN = timedelta(minutes=50)

# A task is listed a moment after it was started, as a rule within two seconds.
_TASKS_ARE_LISTED = timedelta(seconds=10)
_LIST_PAUSE = timedelta(seconds=1)

# Between the clock of the catalog, which dates versions, and that of AWS, which dates task definitions.
_CLOCK_SKEW = timedelta(minutes=5)

# In public records ECS notices an exit after 10 s, and the task is STOPPED after 23 to 33 s.
_USUAL_END = timedelta(seconds=45)

# What a log driver has sent is readable some seconds later. An end that was reported is seen at about the same time as
# the last lines, so it says nothing of them. GetLogEvents is a few calls a second for the whole account.
_LOG_TIMING = LogTiming(delay=timedelta(seconds=10), longest_pause=timedelta(seconds=5))


class EcsProvisioner:
    """Implements `provisioners.contract.Provisioner`. A container's identifier is its task's ARN."""

    def __init__(
        self, *, client: EcsClient, watch: TaskWatch, logs: LogReader, ecr: "ECRClient", configuration: EcsConfiguration
    ) -> None:
        self._client = client
        self._watch = watch
        self._logs = logs
        self._ecr = ecr
        self._configuration = configuration
        # ECS refuses revisions of one family at the same time.
        self._families: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self, function: Function) -> PreparedFunction:
        """Register the function's task definition, or find the one that a try which died has registered."""
        providers = wanted_providers(function.platform.with_default(self._configuration.default_capacity))
        host = await self._client.host_of_capacity_providers(providers) if providers else Host.FARGATE
        request = requests.task_definition(function, self._configuration, host=host)
        async with self._turn_in(request["family"]):
            arn = await self._registered_before(function, request["family"])
            if arn is None:
                arn = await self._client.register_task_definition(request, version=function.ref.version_id)
        return PreparedFunction(type=ContainerType.AWS_ECS, identifier=arn)

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        family = requests.family_of(function)
        async with self._turn_in(family):
            arn = await self._registered_before(function, family)
        return None if arn is None else PreparedFunction(type=ContainerType.AWS_ECS, identifier=arn)

    async def retire(self, prepared: PreparedFunction) -> None:
        await self._client.deregister_task_definition(prepared.identifier)

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        """By the request's token while ECS surely knows it (50 minutes); later, the task is only looked for."""
        if age < _TOKEN_IS_KNOWN:
            before = time.monotonic() + (_TOKEN_IS_KNOWN - age).total_seconds()
            return details_of(await self._client.run_task(requests.task(request, self._configuration), before=before))
        arn = await self._client.find_running_task(str(request.name))
        if arn is None:
            raise LaunchIsLost(f"Launch {request.name.launch} was sent long ago, and its task is gone")
        return details_of(arn)

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        """A launch that is still under way cannot be prevented: the process that makes it stops its task at once."""
        remaining = _TASKS_ARE_LISTED - age
        while True:
            arn = await self._client.find_running_task(str(name))
            if arn is not None or remaining <= timedelta():
                return None if arn is None else details_of(arn)
            await asyncio.sleep(_LIST_PAUSE.total_seconds())
            remaining -= _LIST_PAUSE

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        return await self._watch.wait_for_exit(container.details.identifier)

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        self._watch.check_soon(container.details.identifier, has_outcome=has_outcome)

    def rely_on_events(self, *, are_heard: bool) -> None:
        self._watch.rely_on_events(are_heard=are_heard)

    async def stop(self, container: Container) -> None:
        await self._client.stop_task(container.details.identifier, reason=OUR_STOP_REASON)

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        """Those among a hundred tasks of the cluster, whoever started these."""
        arns, next_page = await self._client.running_tasks(page)
        containers = []
        for task in await self._client.describe_tasks(arns) if arns else ():
            name = ContainerName.parse(task.get("startedBy", ""))
            if name is not None:
                containers.append(Container(name=name, details=details_of(task["taskArn"])))
        return LivePage(containers=tuple(containers), next_page=next_page)

    @property
    def usual_end(self) -> timedelta:
        return _USUAL_END

    @property
    def log_timing(self) -> LogTiming:
        return _LOG_TIMING

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        return await self._logs.read(details.logs_identifier, offset, max_lines, start)

    async def repository_credentials(self) -> RepositoryCredentials:
        return await repository_credentials(
            self._ecr,
            repository_name=self._configuration.repository_name,
            architecture=self._configuration.cpu_architecture,
        )

    async def built_images(self, project_name: ProjectName) -> tuple[str, ...]:
        repository = (await self.repository_credentials()).image_prefix
        tags = await tags_of_project(
            self._ecr, repository_name=self._configuration.repository_name, project_name=project_name
        )
        return tuple(f"{repository}:{tag}" for tag in tags)

    async def remove_images(self, images: Collection[str]) -> None:
        tags = [image.rpartition(":")[2] for image in images]
        await remove_tags(self._ecr, repository_name=self._configuration.repository_name, tags=tags)

    async def image_folder(self) -> ImageFolder:
        raise FoldersAreNoImages

    async def forget(self, containers: Collection[ContainerName]) -> None:
        """Does nothing: ECS forgets tasks by itself, and a log group has a retention time."""

    def _turn_in(self, family: str) -> asyncio.Lock:
        return self._families.setdefault(family, asyncio.Lock())

    async def _registered_before(self, function: Function, family: str) -> str | None:
        async for definition in self._client.newest_task_definitions(family, version=function.ref.version_id):
            if requests.is_of(definition, function):
                return definition["taskDefinitionArn"]
            registered = definition.get("registeredAt")
            if registered is not None and registered < function.creation_time - _CLOCK_SKEW:
                return None
        return None


def details_of(arn: str) -> ContainerDetails:
    """Of a task: its ARN, and the stream that its container writes to."""
    task_id = arn.rpartition("/")[2]
    return ContainerDetails(
        type=ContainerType.AWS_ECS,
        identifier=arn,
        logs_identifier=f"{requests.LOG_STREAM_PREFIX}/{requests.CONTAINER}/{task_id}",
    )
