"""What a call of AWS needs of IAM: the service authorization reference, for the calls that the control plane makes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.aws.errors import AwsError
from tests.aws.policies import Need
from tests.aws.wire import Document

_TASKS = "ecs-tasks.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`definition`: ARN and roles of a task definition, by its ARN, `family:revision` or family. It raises AwsError
    where there is none."""

    region: str
    account: str
    definition: Callable[[str], tuple[str, tuple[str, ...]]]

    def arn(self, service: str, resource: str) -> str:
        """Or what is one already."""
        return resource if resource.startswith("arn:") else f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def cluster(self, parameters: Document) -> str:
        name = parameters.get("cluster", "default")
        return str(name if name.startswith("arn:") else self.arn("ecs", f"cluster/{name}"))

    def task(self, parameters: Document, task: str) -> str:
        cluster = self.cluster(parameters).rpartition("/")[2]
        return task if task.startswith("arn:") else self.arn("ecs", f"task/{cluster}/{task}")


def needs_of(service: str, action: str, parameters: Document, place: Place) -> list[Need]:
    """Of a call in AWS's JSON or query protocols. What is not known here needs its own action on everything."""
    known = _KNOWN.get(f"{service}:{action}") or _OF_SERVICE.get(service)
    return list(known(action, parameters, place)) if known is not None else [Need(f"{service}:{action}", "*")]


def _run_task(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    named = parameters["taskDefinition"]
    try:
        definition, roles = place.definition(named)
    except AwsError:  # the call itself says so
        definition, roles = place.arn("ecs", f"task-definition/{named}"), ()
    cluster = {"ecs:cluster": place.cluster(parameters)}
    yield Need("ecs:RunTask", definition, cluster)
    overrides = parameters.get("overrides", {})
    yield from _passed(overrides.get("taskRoleArn"), overrides.get("executionRoleArn"), *roles)
    if parameters.get("tags") or parameters.get("propagateTags"):
        task = place.task(parameters, "*")
        yield Need("ecs:TagResource", task, {"ecs:CreateAction": "RunTask"} | cluster)


def _register(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    definition = place.arn("ecs", f"task-definition/{parameters['family']}:*")
    yield Need("ecs:RegisterTaskDefinition", definition)
    yield from _passed(parameters.get("taskRoleArn"), parameters.get("executionRoleArn"))
    if parameters.get("tags"):
        yield Need("ecs:TagResource", definition, {"ecs:CreateAction": "RegisterTaskDefinition"})


def _passed(*roles: str | None) -> Iterator[Need]:
    for role in dict.fromkeys(filter(None, roles)):
        yield Need("iam:PassRole", role, {"iam:PassedToService": _TASKS})


def _describe_tasks(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    for task in parameters.get("tasks", []):
        yield Need("ecs:DescribeTasks", place.task(parameters, task), {"ecs:cluster": place.cluster(parameters)})


def _stop_task(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    yield Need("ecs:StopTask", place.task(parameters, parameters["task"]), {"ecs:cluster": place.cluster(parameters)})


def _list_tasks(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    cluster = place.cluster(parameters)
    instances = place.arn("ecs", f"container-instance/{cluster.rpartition('/')[2]}/*")
    yield Need("ecs:ListTasks", instances, {"ecs:cluster": cluster})


def _describe_clusters(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    for cluster in parameters.get("clusters", ["default"]):
        yield Need("ecs:DescribeClusters", place.cluster({"cluster": cluster}))


def _describe_providers(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    for provider in parameters.get("capacityProviders", ["*"]):
        yield Need("ecs:DescribeCapacityProviders", place.arn("ecs", f"capacity-provider/{provider}"))


def _log_events(_: str, parameters: Document, place: Place) -> Iterator[Need]:
    group, stream = parameters["logGroupName"], parameters["logStreamName"]
    yield Need("logs:GetLogEvents", place.arn("logs", f"log-group:{group}:log-stream:{stream}"))


def _log_groups(_: str, __: Document, place: Place) -> Iterator[Need]:
    yield Need("logs:DescribeLogGroups", place.arn("logs", "log-group:*"))


def _of_queue(action: str, parameters: Document, place: Place) -> Iterator[Need]:
    name = str(parameters.get("QueueUrl", "*")).rpartition("/")[2]
    yield Need(f"sqs:{action.removesuffix('Batch')}", place.arn("sqs", name))


def _of_registry(action: str, parameters: Document, place: Place) -> Iterator[Need]:
    name = parameters.get("repositoryName")
    yield Need(f"ecr:{action}", "*" if name is None else place.arn("ecr", f"repository/{name}"))


def _of_rule(action: str, parameters: Document, place: Place) -> Iterator[Need]:
    yield Need(f"events:{action}", place.arn("events", f"rule/{parameters.get('Name') or parameters.get('Rule')}"))


def _of_role(action: str, parameters: Document, place: Place) -> Iterator[Need]:
    role = parameters.get("PolicySourceArn") or f"arn:aws:iam::{place.account}:role/{parameters.get('RoleName', '*')}"
    yield Need(f"iam:{action}", role)


def _nothing(_: str, __: Document, ___: Place) -> Iterator[Need]:
    yield from ()


_Needs = Callable[[str, Document, Place], Iterator[Need]]
_KNOWN: dict[str, _Needs] = {
    "ecs:RunTask": _run_task,
    "ecs:RegisterTaskDefinition": _register,
    "ecs:DescribeTasks": _describe_tasks,
    "ecs:StopTask": _stop_task,
    "ecs:ListTasks": _list_tasks,
    "ecs:DescribeClusters": _describe_clusters,
    "ecs:DescribeCapacityProviders": _describe_providers,
    "logs:GetLogEvents": _log_events,
    "logs:DescribeLogGroups": _log_groups,
    "sts:GetCallerIdentity": _nothing,  # whoever may do nothing at all may ask who they are
}
_OF_SERVICE: dict[str, _Needs] = {"sqs": _of_queue, "ecr": _of_registry, "events": _of_rule, "iam": _of_role}
