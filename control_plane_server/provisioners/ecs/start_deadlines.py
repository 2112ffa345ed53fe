"""How long a task may take to start. Nothing in ECS ends one that is stuck in PROVISIONING or PENDING."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import TaskTypeDef

# A task of Fargate starts within half a minute, and within minutes if its image is large.
START_LIMIT = timedelta(minutes=10)
# A pull under way of an image that is very large; and machines of the account's own, which have to be started first.
_LONGER = 3

_FARGATE = ("FARGATE", "FARGATE_SPOT")
_STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")


def is_stuck(task: "TaskTypeDef", *, limit: timedelta = START_LIMIT) -> bool:
    """Whether the task has not started for so long that it should be stopped. A task that is to stop is not stuck."""
    created = task.get("createdAt")
    if created is None or "startedAt" in task or task.get("desiredStatus") == "STOPPED":
        return False
    if task.get("lastStatus") not in _STARTING:
        return False
    is_of_fargate = task.get("launchType") == "FARGATE" or task.get("capacityProviderName") in _FARGATE
    is_pulling = "pullStartedAt" in task and "pullStoppedAt" not in task
    return datetime.now(UTC) - created > (limit if is_of_fargate and not is_pulling else _LONGER * limit)
