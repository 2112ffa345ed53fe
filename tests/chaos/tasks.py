"""Containers as tasks of the stand-in for AWS, which tells of them more than AWS would."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.identifiers import ExecutionId
from environment.provisioner_names import ProvisionerName
from tests.aws.process import StandIn, running_stand_in
from tests.aws.start_failures import PASSING
from tests.aws.wire import TaskRecord
from tests.chaos import aws_trouble
from tests.chaos.ledger import Ledger
from tests.chaos.notes import read_last_runs
from tests.chaos.plan import Fault, Target
from tests.chaos.platform import Traces
from tests.chaos.victims import is_warm, running_copy, strike, suits

_IMAGE = "registry.example.com/chaos:1"
_LOOK_SECONDS = 0.02
_NEVER_RAN = "TaskFailedToStart"
_LOSSES = ("SpotInterruption", "InfrastructureHealth", _NEVER_RAN)
_ONE_START_FAILS_IN = 20
_STRUCK = (
    *(Target.CONTAINER, Target.CONTAINER_IDLE, Target.CONTAINER_PAUSED, Target.EXECUTION),
    *(Target.SPOT, Target.HOST),
)
_SPOILT = ("RunTask", "StopTask", "DescribeTasks")


class Tasks:
    """Implements `Platform`. AWS itself does not die. All the time some starts fail, five times as many as there.

    A launch that hung in a paused process is made when that goes on, whatever has become of the execution; it is
    stopped at once, and the API refuses its container.
    """

    provisioner = ProvisionerName.ECS
    image = _IMAGE

    def __init__(self, aws: StandIn) -> None:
        self.environment = aws.environment
        self._aws = aws.control

    async def live(self) -> dict[ExecutionId, datetime]:
        """Those whose container may run. In DEPROVISIONING it has ended, and with it, where it has reported, its
        execution."""
        tasks = [task for task in await self._aws.live_tasks() if task.status != "DEPROVISIONING"]
        return {_execution_of(task): _created(task) for task in tasks if not is_warm(_name(task))}

    async def until_launch(self, loop: int) -> None:
        """Of any process."""
        before = await self._launches_asked_for()
        while await self._launches_asked_for() == before:
            await asyncio.sleep(_LOOK_SECONDS)

    async def strike(self, fault: Fault, ledger: Ledger) -> bool:
        if fault.target not in _STRUCK:
            await aws_trouble.begin(self._aws, fault)
            return True
        running = [task for task in await self._aws.live_tasks() if task.status == "RUNNING" and task.pid is not None]
        running = [task for task in running if suits(fault.target, _name(task), task.pid)]
        if not running:
            return False
        task = fault.chosen(running)
        match fault.target:
            case Target.SPOT:
                await self._aws.interrupt_spot(task.arn)
            case Target.HOST:
                await self._aws.lose_host(task.arn)
            case _:
                return _strike_process(fault, task, ledger)
        return True

    async def calm(self, ledger: Ledger) -> None:
        for action in _SPOILT:
            for call in await self._aws.calls(action):
                result = "no capacity" if call.failures and action == "RunTask" else call.result
                if result != "ok":
                    ledger.answers[f"{action}: {result}"] += 1
        failed = sum(task.description.get("stopCode") == _NEVER_RAN for task in await self._aws.tasks())
        ledger.answers["failed starts"] = failed
        await self._aws.reset()

    async def traces(self, notes: Path) -> Traces:
        tasks = await self._aws.tasks()
        own = [task for task in tasks if not is_warm(_name(task))]
        last_runs = read_last_runs(notes)
        lost = [task for task in tasks if _is_lost(task)]
        losses = Counter(_execution_of(task) for task in lost if not is_warm(_name(task)))
        losses.update(last_runs[task.pid] for task in lost if is_warm(_name(task)) and task.pid in last_runs)
        return Traces(launches=Counter(map(_execution_of, own)), losses=losses)

    async def violations(self) -> list[str]:
        lives: defaultdict[ExecutionId, list[TaskRecord]] = defaultdict(list)
        for task in await self._aws.tasks():
            lives[_execution_of(task)].append(task)
        return [violation for tasks in lives.values() for violation in _violations_of_one(tasks)]

    async def remains(self) -> list[str]:
        return [f"{_name(task)} is {task.status}" for task in await self._aws.live_tasks()]

    async def _launches_asked_for(self) -> int:
        return (await self._aws.counts()).get("RunTask", 0)


@asynccontextmanager
async def tasks(functions: Path) -> AsyncIterator[Tasks]:
    async with running_stand_in() as aws:
        await aws.control.register_image(_IMAGE, functions)
        await aws.control.fail_to_start(*PASSING, tasks=None, one_in=_ONE_START_FAILS_IN)
        yield Tasks(aws)


def _violations_of_one(tasks: Sequence[TaskRecord]) -> Iterator[str]:
    """`tasks`: of one execution, oldest first."""
    for name, count in Counter(map(_name, tasks)).items():
        if count > 1:
            yield f"{name} is the name of {count} tasks"
    for earlier, later in pairwise(tasks):
        if not _is_lost(earlier):
            stop = earlier.description.get("stopCode"), earlier.description.get("stoppedReason")
            yield f"{_name(later)} followed {_name(earlier)}, which was not taken away: {stop}"
        if earlier.status != "STOPPED" or _created(later) < _ended(earlier):
            yield f"{_name(later)} was started while {_name(earlier)} ran"


def _strike_process(fault: Fault, task: TaskRecord, ledger: Ledger) -> bool:
    assert task.pid is not None
    pid = running_copy(task.pid) if fault.target is Target.EXECUTION else task.pid
    if pid is None or not strike(fault, pid):
        return False
    if fault.target is not Target.CONTAINER_PAUSED:
        ledger.killed_containers.add(task.arn if is_warm(_name(task)) else _execution_of(task))
    return True


def _is_lost(task: TaskRecord) -> bool:
    return task.description.get("stopCode") in _LOSSES


def _name(task: TaskRecord) -> str:
    return str(task.description["startedBy"])


def _execution_of(task: TaskRecord) -> ExecutionId:
    name = ContainerName.parse(_name(task))
    assert name is not None
    return name.execution_id


def _created(task: TaskRecord) -> datetime:
    return datetime.fromtimestamp(task.description["createdAt"], UTC)


def _ended(task: TaskRecord) -> datetime:
    return datetime.fromtimestamp(task.description["stoppedAt"], UTC)
