"""All tasks of the account: which there are, which can be seen, and their lives going on."""

import asyncio
from collections.abc import Iterator

from tests.aws.account import Account, now
from tests.aws.agent import Agent
from tests.aws.events import TaskEvents
from tests.aws.faults import Faults
from tests.aws.lifecycle import Lifecycle
from tests.aws.tasks import Stop, Task
from tests.aws.wire import Settings

_DEFAULT_STOP_TIMEOUT = 30


class Registry:
    def __init__(
        self, *, settings: Settings, account: Account, agent: Agent, faults: Faults, events: TaskEvents
    ) -> None:
        self._settings = settings
        self._events = events
        self._tasks: dict[str, Task] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._lifecycle = Lifecycle(
            settings=settings, account=account, agent=agent, faults=faults, changed=self._note_change
        )

    def __iter__(self) -> Iterator[Task]:
        """Oldest first, without those that stopped too long ago."""
        return iter([task for task in self._tasks.values() if not self._is_forgotten(task)])

    def start(self, task: Task) -> None:
        self._tasks[task.id] = task
        self._record(task)
        life = asyncio.create_task(self._lifecycle.run(task))
        self._lives[task.id] = life
        life.add_done_callback(lambda _: self._lives.pop(task.id, None))

    def is_visible(self, task: Task, cluster_arn: str) -> bool:
        """Whether DescribeTasks and ListTasks know it."""
        return task.cluster_arn == cluster_arn and now() >= task.created_at + self._settings.visibility_delay_seconds

    def find(self, reference: str) -> Task | None:
        """By ARN or id, whether it can be seen yet or not."""
        task = self._tasks.get(reference.rpartition("/")[2])
        return None if task is None or self._is_forgotten(task) else task

    def stop(self, task: Task, *, code: str, reason: str) -> None:
        """As StopTask: SIGTERM, and SIGKILL after the stop timeout. Nothing happens to a task that is ending."""
        seconds = float(task.definition.container.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT)
        task.tags.clear()
        self._request(task, Stop(code=code, reason=reason, grace=seconds * self._settings.stop_timeout_scale))

    def interrupt(self, task: Task) -> None:
        """As a Spot reclaim: the warning is SIGTERM, and the task runs on until it is over."""
        notice = self._settings.spot_notice_seconds
        self._request(
            task, Stop(code="SpotInterruption", reason="Your Spot Task was interrupted.", grace=notice, notice=True)
        )

    def lose(self, task: Task) -> None:
        """As the failure of its host."""
        reason = "Task stopped because the underlying infrastructure is unhealthy."
        self._request(task, Stop(code="InfrastructureHealth", reason=reason, grace=None))

    async def vanish(self, task: Task) -> None:
        """Without a trace: it and its container are gone, and no event says so."""
        life = self._lives.get(task.id)
        del self._tasks[task.id]
        if life is not None:
            life.cancel()
        if task.container is not None:
            await task.container.kill()

    def close(self) -> None:
        """Nothing goes on, and no further container is started."""
        for life in self._lives.values():
            life.cancel()

    def _request(self, task: Task, stop: Stop) -> None:
        if task.stop is None:
            task.request_stop(stop)
            self._note_change(task)

    def _note_change(self, task: Task) -> None:
        task.version += 1
        self._record(task)

    def _record(self, task: Task) -> None:
        if not task.states or task.states[-1][1] != task.last_status:
            task.states.append((now(), task.last_status))
        if task.id in self._tasks:
            self._events.send(task)

    def _is_forgotten(self, task: Task) -> bool:
        return task.stopped_at is not None and task.stopped_at < now() - self._settings.stopped_task_seconds
