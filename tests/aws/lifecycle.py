"""The life of a task, from PROVISIONING to STOPPED."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

from tests.aws.account import Account, now
from tests.aws.agent import Agent
from tests.aws.containers import TERMINATED, CannotStart, Container, ContainerExit
from tests.aws.faults import Faults
from tests.aws.log_driver import LogDriver
from tests.aws.start_failures import happens_while_pulling, in_full
from tests.aws.tasks import STOPPED, ContainerState, Stop, Task
from tests.aws.wire import Settings

_STOPPING_STATES = ("DEACTIVATING", "STOPPING", "DEPROVISIONING")


class Lifecycle:
    """`changed` is told of every state that can be seen."""

    def __init__(
        self, *, settings: Settings, account: Account, agent: Agent, faults: Faults, changed: Callable[[Task], None]
    ) -> None:
        self._settings = settings
        self._account = account
        self._agent = agent
        self._faults = faults
        self._changed = changed

    async def run(self, task: Task) -> None:
        log = self._log_of(task, task.main)
        try:
            container_exit = await self._run_container(task, log)
        finally:
            log.hold_back()
            self._agent.forget(task)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._ship_rest(log))
            if container_exit is not None:
                await self._notice(task, container_exit)
            await self._wind_down(task, was_running=container_exit is not None)

    async def _run_container(self, task: Task, log: LogDriver) -> ContainerExit | None:
        """How it has ended. None if there was none to run."""
        try:
            container = await self._start(task, log)
        except CannotStart as error:
            self._fail_to_start(task, str(error))
            return None
        return None if container is None else await self._run(task, container)

    async def _start(self, task: Task, log: LogDriver) -> Container | None:
        """None if the task was stopped before its container started. Raises CannotStart."""
        if await _is_stopped_within(task, self._settings.provisioning_seconds):
            return None
        fault, reason = self._faults.of_start() or (None, "")
        late = 0.0 if fault is None else math.inf if fault.kind == "never_start" else fault.seconds
        if fault is not None and fault.kind == "fail_to_start" and not happens_while_pulling(reason):
            if await _is_stopped_within(task, late):
                return None
            task.has_containers = False
            raise CannotStart(in_full(reason, image=str(task.main.definition["image"])))
        task.times |= {"connectivityAt": now(), "pullStartedAt": now()}
        self._enter(task, "PENDING")
        if await _is_stopped_within(task, self._settings.pulling_seconds + late):
            return None
        if fault is not None and fault.kind == "fail_to_start":
            raise CannotStart(in_full(reason, image=str(task.main.definition["image"])))
        earlier = [self._pull(task, state) for state in task.before]
        container = self._agent.pull(task, task.main.definition, log)
        task.times["pullStoppedAt"] = now()
        log.open()
        self._enter(task, "ACTIVATING")
        for state, (first, first_log) in zip(task.before, earlier, strict=True):
            await self._run_before(task, state, first)
            first_log.ship()
        if await _is_stopped_within(task, self._settings.activating_seconds):
            return None
        await container.start()
        task.container = container
        task.main.status = "RUNNING"
        task.times["startedAt"] = now()
        self._enter(task, "RUNNING")
        return container

    def _pull(self, task: Task, state: ContainerState) -> tuple[Container, LogDriver]:
        log = self._log_of(task, state)
        try:
            container = self._agent.pull(task, state.definition, log)
        except CannotStart as error:
            state.reason = str(error)
            raise
        log.open()
        return container, log

    async def _run_before(self, task: Task, state: ContainerState, container: Container) -> None:
        """To its end, or until the task is stopped. Raises CannotStart if the main container waits in vain for it.

        What is seen then: amazon-ecs-agent, pull request 3218.
        """
        await container.start()
        state.status = "RUNNING"
        exited = asyncio.ensure_future(container.exited())
        stopped = asyncio.ensure_future(task.stop_requested.wait())
        await asyncio.wait({exited, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not exited.done():
            await container.kill()
        state.exit = await exited
        state.status, state.reason = STOPPED, state.exit.reason
        if state.exit.code != 0 and not task.stop_requested.is_set():
            task.main.exit = ContainerExit(TERMINATED)
            raise CannotStart(
                "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency "
                f"[{_named(state)} (STOPPED->RUNNING) - Exit: {state.exit.code}] for target "
                f"[{_named(task.main)} (NONE->RUNNING)] as dependency did not exit successfully."
            )

    def _log_of(self, task: Task, state: ContainerState) -> LogDriver:
        return LogDriver(task, state.definition, account=self._account, settings=self._settings)

    async def _run(self, task: Task, container: Container) -> ContainerExit:
        exited = asyncio.ensure_future(container.exited())
        stopped = asyncio.ensure_future(task.stop_requested.wait())
        await asyncio.wait({exited, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done() and not exited.done() and task.stop is not None:
            await self._stop(task, container, exited, task.stop)
        stopped.cancel()
        return await exited

    async def _notice(self, task: Task, container_exit: ContainerExit) -> None:
        """What the container agent says, ECS shows some time later; unless it has asked for it."""
        ended_at = now()
        if task.stop is None:
            await asyncio.sleep(self._settings.noticing_seconds)
        task.main.exit, task.main.status, task.main.reason = container_exit, STOPPED, container_exit.reason
        task.times["executionStoppedAt"] = ended_at
        task.request_stop(
            Stop(code="EssentialContainerExited", reason="Essential container in task exited", grace=None)
        )

    async def _ship_rest(self, log: LogDriver) -> None:
        if self._settings.log_tail_delay_seconds > 0:
            await asyncio.sleep(self._settings.log_tail_delay_seconds)
        log.ship()

    async def _stop(self, task: Task, container: Container, exited: asyncio.Future[ContainerExit], stop: Stop) -> None:
        if stop.grace is not None:
            if not stop.notice:
                await self._pass_through(task, _STOPPING_STATES[:2])
            container.terminate()
            await asyncio.wait({exited}, timeout=stop.grace)
        await container.kill()

    async def _wind_down(self, task: Task, *, was_running: bool) -> None:
        for state in (*task.before, task.main):
            state.status = STOPPED
        await self._pass_through(task, _STOPPING_STATES if was_running else _STOPPING_STATES[-1:])
        task.times["stoppedAt"] = now()
        self._enter(task, "STOPPED")

    def _fail_to_start(self, task: Task, reason: str) -> None:
        if not any(state.reason == reason for state in task.before):
            task.main.reason = reason
        task.times["executionStoppedAt"] = now()
        task.request_stop(Stop(code="TaskFailedToStart", reason=reason, grace=None))

    async def _pass_through(self, task: Task, statuses: tuple[str, ...]) -> None:
        """Each of the states for its time, but for those that the task has gone through."""
        seconds = {
            "DEACTIVATING": self._settings.deactivating_seconds,
            "STOPPING": self._settings.stopping_seconds,
            "DEPROVISIONING": self._settings.deprovisioning_seconds,
        }
        past = {status for _, status in task.states}
        for status in statuses:
            if status not in past:
                self._enter(task, status)
                await asyncio.sleep(seconds[status])

    def _enter(self, task: Task, status: str) -> None:
        task.last_status = status
        self._changed(task)


def _named(state: ContainerState) -> str:
    return f"{state.definition['name']}({state.definition['image']})"


async def _is_stopped_within(task: Task, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(task.stop_requested.wait(), None if seconds == math.inf else seconds)
    return task.stop_requested.is_set()
