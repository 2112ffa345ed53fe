"""The AWS account that tests run in: what moto holds of it, and what a real one must have before anything runs."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.sqs.models import Message, sqs_backends

from tests.aws.errors import AwsError, client_error
from tests.aws.needs import Place
from tests.aws.policies import Policies
from tests.aws.stack import make_stack
from tests.aws.template import Template
from tests.aws.wire import CONTROL_PLANE_KEY, EC2_PROVIDER, MANAGED_PROVIDER, Document

_ROLES = ("task_role_arn", "execution_role_arn")  # moto's definitions have those that were given


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """What a task needs of its definition. `before`: the containers that run before the essential one, in order."""

    arn: str
    family: str
    cpu: str
    memory: str
    network_mode: str
    container: Document
    compatibilities: tuple[str, ...] = ()
    cpu_architecture: str = "X86_64"
    ephemeral_storage_gib: int = 20
    tags: tuple[Document, ...] = ()
    before: tuple[Document, ...] = ()
    roles: tuple[str, ...] = ()


class Account:
    """Moto's backends of one account and region, read and filled in this process. Knows no tasks."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._ecs = ecs_backends[DEFAULT_ACCOUNT_ID][region]
        self._ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][region]
        self._logs = logs_backends[DEFAULT_ACCOUNT_ID][region]
        self._sqs = sqs_backends[DEFAULT_ACCOUNT_ID][region]

    def furnish(self, endpoint_url: str, *, has_event_queue: bool) -> dict[str, str]:
        """Make what infrastructure/control-plane.yaml makes. The environment of a control plane that uses it: the
        settings among the stack's outputs, and where this stand-in is."""
        environment = make_stack(self.region)
        self._complete_cluster(environment["CLUSTER_NAME"])
        self._queue = environment.pop("ECS_EVENTS_QUEUE_URL").rpartition("/")[2]
        if has_event_queue:
            environment["ECS_EVENTS_QUEUE_URL"] = f"{endpoint_url}/{DEFAULT_ACCOUNT_ID}/{self._queue}"
        return environment | {
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": CONTROL_PLANE_KEY,
            "AWS_SECRET_ACCESS_KEY": "stand-in",
        }

    def _complete_cluster(self, name: str) -> None:
        """With what moto leaves out of the template, and providers beyond it."""
        properties = Template().resources["Cluster"]["Properties"]
        strategy = [
            {"capacityProvider": one["CapacityProvider"], "weight": int(one["Weight"]), "base": 0}
            for one in properties["DefaultCapacityProviderStrategy"]
        ]
        providers = [*properties["CapacityProviders"], EC2_PROVIDER, MANAGED_PROVIDER]
        self._ecs.put_cluster_capacity_providers(name, providers, strategy)

    @property
    def place(self) -> Place:
        def definition(name: str) -> tuple[str, tuple[str, ...]]:
            found = self.task_definition(name)
            return found.arn, found.roles

        return Place(region=self.region, account=DEFAULT_ACCOUNT_ID, definition=definition)

    def policies(self, *names: str) -> Policies:
        """Customer managed ones, which the template has made."""
        arns = [f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:policy/{name}" for name in names]
        made = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].managed_policies
        return Policies([json.loads(made[arn].versions[-1].document) for arn in arns])

    def cluster_arn(self, name_or_arn: str) -> str:
        """Raises AwsError ClusterNotFoundException."""
        name = name_or_arn.rpartition("/")[2]
        if name not in self._ecs.clusters:
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return str(self._ecs.clusters[name].arn)

    def capacity_providers(self, cluster_arn: str) -> tuple[list[str], list[Document]]:
        """Those of a cluster, and the strategy that it uses by default."""
        cluster = self._ecs.clusters[cluster_arn.rpartition("/")[2]]
        return list(cluster.capacity_providers or []), list(cluster.default_capacity_provider_strategy or [])

    def task_definition(self, name: str) -> TaskDefinition:
        """The one that an ARN, `family:revision` or a family names. Raises AwsError."""
        family, _, revision = name.rpartition("task-definition/")[2].partition(":")
        revisions = self._ecs.task_definitions.get(family, {})
        if not revision:
            active = [number for number, each in list(revisions.items()) if each.status == "ACTIVE"]
            revision = str(max(active, default=0))
        definition = revisions.get(int(revision)) if revision.isdecimal() else None
        if definition is None:
            raise client_error("TaskDefinition not found.")
        if definition.status != "ACTIVE":
            raise client_error("TaskDefinition is inactive")
        containers: list[Document] = definition.container_definitions
        essential = [each for each in containers if each.get("essential", True)]
        before = [each for each in containers if each not in essential]
        if len(essential) != 1:
            raise client_error("The stand-in runs exactly one essential container per task")
        awaited = [one["containerName"] for one in essential[0].get("dependsOn", []) if one["condition"] == "SUCCESS"]
        if awaited != [each["name"] for each in before]:
            raise client_error("The stand-in runs others only before the essential container, which waits for SUCCESS")
        return TaskDefinition(
            arn=definition.arn,
            family=definition.family,
            cpu=str(definition.cpu),
            memory=str(definition.memory),
            network_mode=str(definition.network_mode),
            compatibilities=tuple(definition.requires_compatibilities or ()),
            cpu_architecture=str((definition.runtime_platform or {}).get("cpuArchitecture", "X86_64")),
            ephemeral_storage_gib=int((definition.ephemeral_storage or {}).get("sizeInGiB", 20)),
            tags=tuple(definition.tags or ()),
            container=essential[0],
            before=tuple(before),
            roles=tuple(vars(definition)[role] for role in _ROLES if role in vars(definition)),
        )

    def availability_zone(self, subnet_id: str) -> str | None:
        """None if there is no such subnet."""
        for subnets in self._ec2.subnets.values():
            if subnet_id in subnets:
                return str(subnets[subnet_id].availability_zone)
        return None

    def has_security_group(self, group_id: str) -> bool:
        return self._ec2.get_security_group_from_id(group_id) is not None

    def create_log_stream(self, group: str, stream: str) -> None:
        """Raises AwsError if there is no such group."""
        if group not in self._logs.groups:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        if stream not in self._logs.groups[group].streams:
            self._logs.create_log_stream(group, stream)

    def put_log_events(self, group: str, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """Lines with their times; lost without a word where the group or the stream has been deleted."""
        if group in self._logs.groups and stream in self._logs.groups[group].streams:
            events = [{"timestamp": int(when * 1_000), "message": line} for when, line in lines]
            self._logs.put_log_events(group, stream, events)

    def lets_through(self, event: Document) -> bool:
        """Whether a rule that has the queue as its target is enabled and matches."""
        bus = events_backends[DEFAULT_ACCOUNT_ID][self.region].event_buses["default"]
        queue = self._sqs.get_queue(self._queue).queue_arn
        return any(
            rule.state == "ENABLED" and rule.event_pattern.matches_event(event)  # type: ignore[arg-type]
            for rule in bus.rules.values()
            if queue in [target["Arn"] for target in rule.targets]
        )

    def send_event(self, body: str) -> None:
        # Moto's own way of sending looks at every message of the queue.
        message = Message(str(uuid.uuid4()), body)
        message.mark_sent()
        self._sqs.get_queue(self._queue).add_message(message)


def now() -> float:
    """Seconds since the epoch, to the millisecond, as AWS gives times."""
    return round(time.time(), 3)
