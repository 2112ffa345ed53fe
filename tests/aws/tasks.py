"""A task as ECS knows it."""

import asyncio
from dataclasses import dataclass, field

from tests.aws.account import TaskDefinition, now
from tests.aws.containers import Container, ContainerExit
from tests.aws.wire import Document, TaskRecord

STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a task ends. Its container gets SIGTERM, and SIGKILL after `grace` seconds; at once where that is None.

    `notice`: the task goes on RUNNING until its container has ended, as with Spot.
    """

    code: str
    reason: str
    grace: float | None
    notice: bool = False


@dataclass(slots=True, kw_only=True)
class ContainerState:
    """What can be seen of one container of a task."""

    definition: Document
    status: str = "PENDING"
    exit: ContainerExit | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Task:
    """One task; whoever changes what can be seen of it calls `changed`."""

    arn: str
    cluster_arn: str
    definition: TaskDefinition
    overrides: Document
    group: str
    started_by: str | None
    capacity_provider: str | None
    availability_zone: str
    enable_execute_command: bool
    host: str
    tags: list[Document]
    created_at: float = field(default_factory=now)
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    times: dict[str, float] = field(default_factory=dict)
    stop: Stop | None = None
    stop_requested: asyncio.Event = field(default_factory=asyncio.Event)
    container: Container | None = None
    main: ContainerState = field(init=False)
    before: list[ContainerState] = field(init=False)
    has_containers: bool = True
    states: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.main = ContainerState(definition=self.definition.container)
        self.before = [ContainerState(definition=definition) for definition in self.definition.before]

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def is_stopped(self) -> bool:
        return self.last_status == STOPPED

    @property
    def stopped_at(self) -> float | None:
        return self.times.get("stoppedAt")

    @property
    def memory_mib(self) -> int:
        container = self.definition.container
        override = self._override_of(container).get("memory") or container.get("memory")
        return int(override or self.overrides.get("memory") or self.definition.memory)

    def environment_of(self, container: Document) -> dict[str, str]:
        """Of the task definition, and what the overrides say otherwise."""
        entries = [*container.get("environment", []), *self._override_of(container).get("environment", [])]
        return {entry["name"]: entry["value"] for entry in entries}

    def command_of(self, container: Document) -> list[str] | None:
        """None where the image's own is to run."""
        command = self._override_of(container).get("command") or container.get("command")
        entry_point = container.get("entryPoint")
        return [*(entry_point or []), *(command or [])] if command or entry_point else None

    def request_stop(self, stop: Stop) -> None:
        """The first reason stands."""
        if self.stop is None:
            self.stop = stop
            self.desired_status = STOPPED
            self.times["stoppingAt"] = now()
            self.stop_requested.set()

    def describe(self, *, with_tags: bool) -> Document:
        """The shape `Task` of the API."""
        description: Document = {
            "taskArn": self.arn,
            "clusterArn": self.cluster_arn,
            "taskDefinitionArn": self.definition.arn,
            "group": self.group,
            "availabilityZone": self.availability_zone,
            "lastStatus": self.last_status,
            "desiredStatus": self.desired_status,
            "healthStatus": "UNKNOWN",
            "version": self.version,
            "cpu": self.overrides.get("cpu") or self.definition.cpu,
            "memory": self.overrides.get("memory") or self.definition.memory,
            "launchType": self.host,
            "enableExecuteCommand": self.enable_execute_command,
            "overrides": {"inferenceAcceleratorOverrides": [], "containerOverrides": [], **self.overrides},
            "attachments": [],
            "attributes": [{"name": "ecs.cpu-architecture", "value": self.definition.cpu_architecture.lower()}],
            "containers": (
                [self._describe_container(each) for each in (*self.before, self.main)] if self.has_containers else []
            ),
            "tags": self.tags if with_tags else [],
            "createdAt": self.created_at,
            **self.times,
        }
        if self.host == "FARGATE":
            description |= {
                "platformVersion": "1.4.0",
                "platformFamily": "Linux",
                "ephemeralStorage": {"sizeInGiB": self.definition.ephemeral_storage_gib},
            }
        if self.started_by is not None:
            description["startedBy"] = self.started_by
        if self.capacity_provider is not None:
            description["capacityProviderName"] = self.capacity_provider
        if self.stop is not None:
            description |= {"stopCode": self.stop.code, "stoppedReason": self.stop.reason}
        return description

    def record(self) -> TaskRecord:
        return TaskRecord(
            arn=self.arn,
            status=self.last_status,
            pid=self.container.pid if self.container is not None else None,
            states=self.states,
            description=self.describe(with_tags=True),
        )

    def _describe_container(self, state: ContainerState) -> Document:
        container: Document = {
            "containerArn": f"{self.arn.replace(':task/', ':container/')}/{self.id}",
            "taskArn": self.arn,
            "name": state.definition["name"],
            "image": state.definition["image"],
            "lastStatus": state.status,
            "networkBindings": [],
            "networkInterfaces": [],
            "healthStatus": "UNKNOWN",
            "cpu": str(state.definition.get("cpu", 0)),
        }
        if state.exit is not None:
            container["exitCode"] = state.exit.code
        if state.reason is not None:
            container["reason"] = state.reason
        return container

    def _override_of(self, container: Document) -> Document:
        overrides = self.overrides.get("containerOverrides", [])
        return next((dict(override) for override in overrides if override.get("name") == container["name"]), {})
