"""Polls the tasks of one process, at a rate for ECS, and decides about tasks that ECS does not know."""

import time
from collections.abc import Mapping
from datetime import timedelta

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.provisioners.ecs.client import MOST_TASKS_PER_CALL, EcsClient, cluster_of
from control_plane_server.provisioners.ecs.statuses import exit_of
from control_plane_server.provisioners.watcher import Watcher

# With events, polling is only for events that are lost.
_SAFETY_NET = timedelta(minutes=1)

# A task may become visible this late: Amazon ECS API reference, "RunTask", on eventual consistency.
_VISIBILITY_PATIENCE = timedelta(minutes=5)


def polling_interval(tasks: int) -> timedelta:
    """The time between two polls of all tasks. A task that has reported its outcome is polled earlier."""
    if tasks <= 25:
        return timedelta(seconds=0.5)
    return timedelta(seconds=1) if tasks <= MOST_TASKS_PER_CALL else timedelta(seconds=2)


class TaskWatch:
    """Waits for the ends of tasks, which are named by their ARNs.

    Each cluster has a watcher of its own: one that does not answer does not delay the others.
    """

    def __init__(self, client: EcsClient, *, has_events: bool, patience: timedelta = _VISIBILITY_PATIENCE) -> None:
        self._client = client
        self._has_events = has_events
        self._patience = patience
        self._missing_since: dict[str, float] = {}
        self._watchers: dict[str, Watcher] = {}

    async def wait_for_exit(self, arn: str) -> ContainerExit:
        """Wait until the task is gone, and return why."""
        try:
            return await self._watcher_of(arn).wait_for_exit(arn)
        finally:
            self._missing_since.pop(arn, None)

    def check_soon(self, arn: str) -> None:
        self._watcher_of(arn).check_soon(arn)

    def _watcher_of(self, arn: str) -> Watcher:
        """Made once for each cluster that ever was in the settings: they are few."""
        cluster = cluster_of(arn)
        if cluster not in self._watchers:
            self._watchers[cluster] = Watcher(
                self._describe,
                interval=(lambda _: _SAFETY_NET) if self._has_events else polling_interval,
                batch_size=MOST_TASKS_PER_CALL,
            )
        return self._watchers[cluster]

    async def _describe(self, arns: frozenset[str]) -> Mapping[str, ContainerExit]:
        tasks = {task["taskArn"]: task for task in await self._client.describe_tasks(sorted(arns))}
        exits = {arn: exit_of(task) if (task := tasks.get(arn)) else self._exit_of_missing(arn) for arn in arns}
        for arn in tasks:
            self._missing_since.pop(arn, None)
        return {arn: container_exit for arn, container_exit in exits.items() if container_exit is not None}

    def _exit_of_missing(self, arn: str) -> ContainerExit | None:
        now = time.monotonic()
        if now - self._missing_since.setdefault(arn, now) < self._patience.total_seconds():
            return None
        return ContainerExit(cause=ExitCause.LOST, reason="ECS does not know the task any more")
