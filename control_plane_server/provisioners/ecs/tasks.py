"""Polls the tasks of one process, at a rate for ECS. Decides about those that ECS does not know or does not start."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.provisioners.ecs.client import MOST_TASKS_PER_CALL, EcsClient, cluster_of
from control_plane_server.provisioners.ecs.start_deadlines import START_LIMIT, is_stuck
from control_plane_server.provisioners.ecs.statuses import LATE_START_REASON, exit_of
from control_plane_server.provisioners.watcher import Watcher

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import TaskTypeDef

logger = structlog.get_logger(__name__)

# While events are heard, polling is only for those that are lost.
_SAFETY_NET = timedelta(minutes=1)
# An event comes within seconds. Where the end of a task that is so old is found by polling, events are silent.
_EVENTS_ARE_LATE = timedelta(seconds=20)

# A task may become visible this late: Amazon ECS API reference, "RunTask", on eventual consistency.
_VISIBILITY_PATIENCE = timedelta(minutes=5)

# Stops per call that describes tasks: others wait for what it says.
_MOST_STOPS = 10


def polling_interval(tasks: int) -> timedelta:
    """The time between two polls of all tasks. A task that has reported its outcome is polled earlier."""
    if tasks <= 25:
        return timedelta(seconds=0.5)
    return timedelta(seconds=1) if tasks <= MOST_TASKS_PER_CALL else timedelta(seconds=2)


class TaskWatch:
    """Waits for the ends of tasks, which are named by their ARNs.

    Each cluster has a watcher of its own: one that does not answer does not delay the others.
    """

    def __init__(
        self,
        client: EcsClient,
        *,
        patience: timedelta = _VISIBILITY_PATIENCE,
        start_limit: timedelta = START_LIMIT,
    ) -> None:
        """`patience`: with a task that ECS does not know. `start_limit`: for a task of Fargate; then it is stopped, and
        lost."""
        self._client = client
        self._are_events_heard = False
        self._patience = patience
        self._start_limit = start_limit
        self._with_outcome: set[str] = set()
        self._missing_since: dict[str, float] = {}
        self._watchers: dict[str, Watcher] = {}

    async def wait_for_exit(self, arn: str) -> ContainerExit:
        """Wait until the task is gone, and return why."""
        try:
            return await self._watcher_of(arn).wait_for_exit(arn)
        finally:
            self._missing_since.pop(arn, None)
            self._with_outcome.discard(arn)

    def check_soon(self, arn: str, *, has_outcome: bool) -> None:
        """`has_outcome`: from now on the task is gone once its program has ended."""
        if has_outcome:
            self._with_outcome.add(arn)
        self._watcher_of(arn).check_soon(arn)

    def rely_on_events(self, *, are_heard: bool) -> None:
        """From the first event on rounds are rare; while there is none, or the queue cannot be read, they are not."""
        if are_heard != self._are_events_heard:
            logger.info("ends_are_heard_of_by_events" if are_heard else "ends_are_polled_for")
            self._are_events_heard = are_heard
            for watcher in self._watchers.values():
                watcher.reconsider()

    def _interval(self, tasks: int) -> timedelta:
        return _SAFETY_NET if self._are_events_heard else polling_interval(tasks)

    def _watcher_of(self, arn: str) -> Watcher:
        """Made once for each cluster that ever was in the settings: they are few."""
        cluster = cluster_of(arn)
        if cluster not in self._watchers:
            self._watchers[cluster] = Watcher(
                self._describe,
                interval=self._interval,
                batch_size=MOST_TASKS_PER_CALL,
            )
        return self._watchers[cluster]

    async def _describe(self, arns: frozenset[str]) -> Mapping[str, ContainerExit]:
        tasks = {task["taskArn"]: task for task in await self._client.describe_tasks(sorted(arns))}
        exits = {arn: self._exit_of(arn, tasks.get(arn)) for arn in arns}
        for arn in tasks:
            self._missing_since.pop(arn, None)
        await self._stop_stuck(tasks.values())
        self._note_silence(tasks.values())
        return {arn: container_exit for arn, container_exit in exits.items() if container_exit is not None}

    async def _stop_stuck(self, tasks: "Iterable[TaskTypeDef]") -> None:
        """Their ends are seen like others'. One that cannot be stopped now is told again after the next look."""
        stuck = [task["taskArn"] for task in tasks if is_stuck(task, limit=self._start_limit)]
        for arn in stuck[:_MOST_STOPS]:
            logger.warning("task_does_not_start", task=arn)
            try:
                await self._client.stop_task(arn, reason=LATE_START_REASON)
            except (Unavailable, Misconfigured) as error:
                logger.warning("stuck_task_is_not_stopped", task=arn, reason=str(error))

    def _note_silence(self, tasks: "Iterable[TaskTypeDef]") -> None:
        """A rule that was disabled says nothing. One event that was lost costs some more calls until the next."""
        long_ago = datetime.now(UTC) - _EVENTS_ARE_LATE
        silent = [task["taskArn"] for task in tasks if (ended := task.get("stoppedAt")) and ended < long_ago]
        if silent and self._are_events_heard:
            logger.warning("events_are_missing", tasks=len(silent), one_of_them=silent[0])
            self.rely_on_events(are_heard=False)

    def _exit_of(self, arn: str, task: "TaskTypeDef | None") -> ContainerExit | None:
        has_outcome = arn in self._with_outcome
        return self._exit_of_missing(arn, has_outcome) if task is None else exit_of(task, has_outcome=has_outcome)

    def _exit_of_missing(self, arn: str, has_outcome: bool) -> ContainerExit | None:
        """One that has an outcome was there once, so that it is not to come any more."""
        now = time.monotonic()
        missing_for = now - self._missing_since.setdefault(arn, now)
        if not has_outcome and missing_for < self._patience.total_seconds():
            return None
        return ContainerExit(cause=ExitCause.LOST, reason="ECS does not know the task any more")
