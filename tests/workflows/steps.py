"""Scripted activities of the workflows beside the invocation's, and a way to run those workflows."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.errors import application_error
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionName,
    FunctionRef,
    ProjectName,
    VersionId,
    new_batch_id,
    new_invocation_id,
)
from control_plane_server.domain.messages import (
    AdvanceBatchRequest,
    AttemptState,
    BatchProgress,
    BatchRequest,
    CallScheduledRequest,
    CallScheduledResult,
    CancelProjectResult,
    CleanUpRequest,
    DeletionRequest,
    DeliveryProgress,
    ForgetEndedResult,
    PreparationRequest,
    PrepareFunctionRequest,
    PrepareFunctionResult,
    ReconciliationResult,
    RunExecutionResult,
    ScheduledCallRequest,
    StopReason,
)
from control_plane_server.domain.specs import ExecutionSpec
from control_plane_server.domain.webhooks import DeliveryTarget
from tests.workflows.scripted_invocations import ScriptedActivities, answers
from workflows import naming
from workflows.batch import BatchWorkflow
from workflows.clean_up import InvocationCleanUpWorkflow
from workflows.deletion import ProjectDeletionWorkflow
from workflows.delivery import DeliveryWorkflow
from workflows.ports import (
    BatchActivities,
    DeletionActivities,
    DeliveryActivities,
    PreparationActivities,
    ReconciliationActivities,
    ScheduleActivities,
)
from workflows.preparation import FunctionPreparationWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.registry import WORKFLOWS
from workflows.scheduled_call import ScheduledCallWorkflow

Handle = WorkflowHandle[Any, Any]
BATCH_SIZE = 10
Steps = Sequence[Callable[..., Any]]


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class ScriptedPreparation(PreparationActivities):
    """Every function is prepared but the one named `broken`; before that, what is needed is away `faults` times.

    Nothing is prepared before `may_begin`.
    """

    faults: int = 0
    may_begin: asyncio.Event = field(default_factory=_set_event)
    begun: int = 0

    @activity.defn(name="prepare_function")
    async def prepare_function(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        self.begun += 1
        await self.may_begin.wait()
        if self.faults > 0:
            self.faults -= 1
            raise application_error(Unavailable("throttled"))
        if request.function.function_name == "broken":
            return PrepareFunctionResult(identifier=None, preparation_error="no such image")
        return PrepareFunctionResult(identifier="prepared", preparation_error=None)


@dataclass
class ScriptedDeletion(DeletionActivities):
    """As many invocations run as the script says, look by look."""

    running: list[int]
    running_at_the_end: list[int]
    preparing: list[int] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    @activity.defn(name="cancel_project")
    async def cancel_project(self, request: DeletionRequest) -> CancelProjectResult:
        self.steps.append("cancel")
        preparing = self.preparing.pop(0) if self.preparing else 0
        return CancelProjectResult(running=self.running.pop(0), preparing=preparing)

    @activity.defn(name="retire_project")
    async def retire_project(self, request: DeletionRequest) -> None:
        self.steps.append("retire")

    @activity.defn(name="delete_project")
    async def delete_project(self, request: DeletionRequest) -> CancelProjectResult:
        self.steps.append("delete")
        return CancelProjectResult(running=self.running_at_the_end.pop(0))


@dataclass
class ScriptedBatch(BatchActivities):
    """As many invocations have ended as the script says, look by look. What a stop does is scripted too."""

    ended: list[int]
    deadlines: list[datetime] = field(default_factory=list)  # of a replay, look by look as long as there are some
    looks: list[StopReason | None] = field(default_factory=list)
    delay_ends: list[bool] = field(default_factory=list)  # as each look was told
    looked: asyncio.Condition = field(default_factory=asyncio.Condition)

    @activity.defn(name="advance_batch")
    async def advance_batch(self, request: AdvanceBatchRequest) -> BatchProgress:
        async with self.looked:
            self.looks.append(request.stop_reason)
            self.delay_ends.append(request.ends_delay)
            self.looked.notify_all()
        deadline = self.deadlines.pop(0) if self.deadlines else None
        return BatchProgress(ended=self.ended.pop(0), size=BATCH_SIZE, next_deadline=deadline)

    async def until_looked(self, times: int) -> None:
        async with self.looked:
            await self.looked.wait_for(lambda: len(self.looks) >= times)


@dataclass
class ScriptedDelivery(DeliveryActivities):
    """Until when the next delivery is due, in seconds, look by look."""

    waits: list[float | None]
    looks: int = 0
    looked: asyncio.Condition = field(default_factory=asyncio.Condition)

    @activity.defn(name="deliver_due")
    async def deliver_due(self, target: DeliveryTarget) -> DeliveryProgress:
        async with self.looked:
            self.looks += 1
            self.looked.notify_all()
        return DeliveryProgress(attempts=1, next_seconds=self.waits.pop(0))

    async def until_looked(self, times: int) -> None:
        async with self.looked:
            await self.looked.wait_for(lambda: self.looks >= times)


class ScriptedReconciliation(ReconciliationActivities):
    def __init__(self, *, forgets_ended: bool) -> None:
        self.looks_for_ended = 0
        self._forgets_ended = forgets_ended

    @activity.defn(name="reconcile")
    async def reconcile(self) -> ReconciliationResult:
        return ReconciliationResult(repairs={"invocations started": 1}, forgets_ended=self._forgets_ended)

    @activity.defn(name="forget_ended")
    async def forget_ended(self) -> ForgetEndedResult:
        self.looks_for_ended += 1
        return ForgetEndedResult(forgotten=0)


async def prepare(
    client: Client, activities: ScriptedPreparation, *, names: Sequence[str] = ("double", "broken")
) -> Handle:
    async with preparing(client, activities, names=names) as handle:
        await handle.result()
    return handle


@asynccontextmanager
async def preparing(client: Client, activities: ScriptedPreparation, *, names: Sequence[str]) -> AsyncIterator[Handle]:
    """While it runs."""
    request = PreparationRequest(
        project_name="project", version_id="ver-1", function_names=tuple(FunctionName(name) for name in names)
    )
    async with _running(client, FunctionPreparationWorkflow.run, [request], [activities.prepare_function]) as handle:
        yield handle


async def delete(client: Client, activities: ScriptedDeletion) -> Handle:
    request = DeletionRequest(project_name=ProjectName("project"), creation_time=datetime(2026, 1, 1, tzinfo=UTC))
    steps: Steps = (activities.cancel_project, activities.retire_project, activities.delete_project)
    return await _run(client, ProjectDeletionWorkflow.run, [request], steps)


@dataclass
class ScriptedCalls(ScheduleActivities):
    """`call_scheduled` answers with these states, one after the other."""

    states: list[str]
    requests: list[CallScheduledRequest] = field(default_factory=list)

    @activity.defn(name="call_scheduled")
    async def call_scheduled(self, request: CallScheduledRequest) -> CallScheduledResult:
        self.requests.append(request)
        return CallScheduledResult(state=self.states.pop(0))


async def call(client: Client, activities: ScriptedCalls, request: ScheduledCallRequest) -> Handle:
    return await _run(client, ScheduledCallWorkflow.run, [request], [activities.call_scheduled])


@asynccontextmanager
async def advancing(
    client: Client,
    activities: ScriptedBatch,
    *,
    creation_time: datetime,
    timeout_seconds: int = 86_400,
    queue_timeout_seconds: int | None = None,
    delay: timedelta | None = None,
) -> AsyncIterator[Handle]:
    """While it runs. `creation_time`: of the batch, by the server's clock."""
    request = BatchRequest(
        batch_id=new_batch_id(),
        function=FunctionRef(
            project_name=ProjectName("project"), version_id=VersionId("ver-1"), function_name=FunctionName("double")
        ),
        execution_spec=ExecutionSpec(
            max_retries=0, timeout_seconds=timeout_seconds, queue_timeout_seconds=queue_timeout_seconds
        ),
        creation_time=creation_time,
        size=BATCH_SIZE,
        not_before=None if delay is None else creation_time + delay,
    )
    async with _running(client, BatchWorkflow.run, [request], [activities.advance_batch]) as handle:
        yield handle


@asynccontextmanager
async def delivering(client: Client, activities: ScriptedDelivery) -> AsyncIterator[Handle]:
    """While it runs."""
    target = DeliveryTarget(project_name=ProjectName("project"), target="hook")
    async with _running(client, DeliveryWorkflow.run, [target], [activities.deliver_due]) as handle:
        yield handle


async def clean_up(client: Client, activities: ScriptedActivities, *, has_execution: bool) -> Handle:
    request = CleanUpRequest(
        invocation_id=new_invocation_id(), execution_id=ExecutionId("exe-1") if has_execution else None, attempt=1
    )
    steps: Steps = (activities.stop_invocation, activities.run_execution, activities.end_invocation)
    return await _run(client, InvocationCleanUpWorkflow.run, [request], steps)


def one_execution_that_ends() -> ScriptedActivities:
    return ScriptedActivities(answers(RunExecutionResult(state=AttemptState.ENDED, invocation_ended=True)))


async def reconcile(client: Client, activities: ScriptedReconciliation | None = None) -> Handle:
    activities = activities or ScriptedReconciliation(forgets_ended=False)
    return await _run(client, ReconciliationWorkflow.run, [], [activities.reconcile, activities.forget_ended])


async def _run(client: Client, run: Callable[..., Any], arguments: Sequence[Any], activities: Steps) -> Handle:
    """To its end."""
    async with _running(client, run, arguments, activities) as handle:
        await handle.result()
    return handle


@asynccontextmanager
async def _running(
    client: Client, run: Callable[..., Any], arguments: Sequence[Any], activities: Steps
) -> AsyncIterator[Handle]:
    """On Temporal workers of its own for all queues."""
    queues = (naming.INVOCATIONS_TASK_QUEUE, naming.CONTROL_TASK_QUEUE, naming.WEBHOOKS_TASK_QUEUE)
    async with AsyncExitStack() as workers:
        for queue in queues:
            worker = Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=activities)
            await workers.enter_async_context(worker)
        yield await client.start_workflow(run, args=arguments, id=uuid.uuid4().hex, task_queue=queues[0])
