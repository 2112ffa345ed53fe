"""DescribeTasks, ListTasks and StopTask."""

import base64
import binascii

from tests.aws.account import Account
from tests.aws.errors import invalid_parameter
from tests.aws.registry import Registry
from tests.aws.tasks import Task
from tests.aws.wire import Document

_LIMIT = 100
_FILTERS = ("containerInstance", "family", "serviceName", "desiredStatus", "launchType")


class TaskActions:
    """Each takes the request and gives the answer. Raises AwsError."""

    def __init__(self, account: Account, registry: Registry) -> None:
        self._account = account
        self._registry = registry

    def describe(self, request: Document) -> Document:
        cluster_arn = self._account.cluster_arn(request.get("cluster", "default"))
        references = request.get("tasks", [])
        if not references:
            raise invalid_parameter("Tasks cannot be empty.")
        if len(references) > _LIMIT:
            raise invalid_parameter("Tasks can have at most 100 items.")
        with_tags = "TAGS" in request.get("include", [])
        tasks, failures = [], []
        for reference in references:
            task = self._registry.find(reference)
            if task is None or not self._registry.is_visible(task, cluster_arn):
                failures.append({"arn": _arn(reference, cluster_arn), "reason": "MISSING"})
            else:
                tasks.append(task.describe(with_tags=with_tags))
        return {"tasks": tasks, "failures": failures}

    def list(self, request: Document) -> Document:
        cluster_arn = self._account.cluster_arn(request.get("cluster", "default"))
        if request.get("startedBy") and any(request.get(name) for name in _FILTERS):
            raise invalid_parameter("cannot specify startedBy with other arguments")
        limit = request.get("maxResults", _LIMIT)
        if not 1 <= limit <= _LIMIT:
            raise invalid_parameter("maxResults must be between 1 and 100.")
        start = _offset(request.get("nextToken"))
        found = [
            (position, task.arn)
            for position, task in enumerate(self._registry)
            if position >= start and self._registry.is_visible(task, cluster_arn) and _matches(task, request)
        ]
        answer: Document = {"taskArns": [arn for _, arn in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = base64.b64encode(str(found[limit][0]).encode()).decode()
        return answer

    def stop(self, request: Document) -> Document:
        cluster_arn = self._account.cluster_arn(request.get("cluster", "default"))
        task = self._registry.find(request["task"])
        if task is None or task.cluster_arn != cluster_arn:
            raise invalid_parameter("The referenced task was not found.")
        self._registry.stop(task, code="UserInitiated", reason=request.get("reason") or "Task stopped by user")
        return {"task": task.describe(with_tags=True)}


def _arn(reference: str, cluster_arn: str) -> str:
    return reference if reference.startswith("arn:") else f"{cluster_arn.replace(':cluster/', ':task/')}/{reference}"


def _matches(task: Task, request: Document) -> bool:
    return (
        task.desired_status == request.get("desiredStatus", "RUNNING")
        and request.get("startedBy") in (None, "", task.started_by)
        and request.get("family") in (None, "", task.definition.family)
        and request.get("launchType") in (None, "", "FARGATE")
        and not request.get("containerInstance")
        and not request.get("serviceName")
    )


def _offset(token: str | None) -> int:
    try:
        return 0 if not token else int(base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error) as error:
        raise invalid_parameter("Invalid token.") from error
