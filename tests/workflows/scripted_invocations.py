"""Scripted activities in the shape of the ports, and invocations that run on them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import Worker

from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import (
    FunctionName,
    FunctionRef,
    ProjectName,
    new_invocation_id,
    new_version_id,
)
from control_plane_server.domain.messages import (
    AttemptState,
    EndInvocationRequest,
    EndInvocationResult,
    InvocationRequest,
    InvocationResult,
    RunExecutionRequest,
    RunExecutionResult,
    StopInvocationRequest,
    StopInvocationResult,
)
from control_plane_server.domain.specs import ExecutionSpec
from workflows import failures, naming
from workflows.invocation import InvocationWorkflow
from workflows.ports import InvocationActivities
from workflows.registry import WORKFLOWS

Step = Callable[[RunExecutionRequest], Awaitable[RunExecutionResult]]

SUCCEEDED = RunExecutionResult(state=AttemptState.ENDED, invocation_ended=True, outcome=ExecutionOutcome.SUCCEEDED)
ABORTED = RunExecutionResult(state=AttemptState.ENDED, invocation_ended=True, outcome=ExecutionOutcome.ABORTED)
QUEUED = RunExecutionResult(state=AttemptState.QUEUED)
REFUSED = RunExecutionResult(state=AttemptState.REFUSED)


async def fail(request: RunExecutionRequest) -> RunExecutionResult:
    """A step in which the user's code raises."""
    return RunExecutionResult(
        state=AttemptState.ENDED,
        invocation_ended=request.is_last_attempt,
        outcome=ExecutionOutcome.FAILED,
        error_message="ValueError: no",
    )


def answers(*results: RunExecutionResult) -> list[Step]:
    def step(result: RunExecutionResult) -> Step:
        async def run(request: RunExecutionRequest) -> RunExecutionResult:
            return result

        return run

    return [step(result) for result in results]


@dataclass
class ScriptedActivities(InvocationActivities):
    """Executions that go as the script says, one step per call; what was asked is kept.

    `is_claimed`: what a stop finds of the execution; `is_at_work`: what each repeated one finds of its activity.
    `cancels`: whether a workflow that is to be cancelled is.
    """

    script: list[Step]
    is_claimed: bool = True
    is_at_work: Iterator[bool] = field(default_factory=lambda: iter((True, False)))
    cancels: bool = True
    executions: list[RunExecutionRequest] = field(default_factory=list)
    stops: list[StopInvocationRequest] = field(default_factory=list)
    endings: list[EndInvocationRequest] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)

    @activity.defn(name="run_execution")
    async def run_execution(self, request: RunExecutionRequest) -> RunExecutionResult:
        self.executions.append(request)
        self.times.append(activity.info().scheduled_time)
        result = await self.script[len(self.executions) - 1](request)
        if request.raises_failure and failures.is_failed_attempt(result):
            raise failures.of_attempt(result)
        return result

    @activity.defn(name="stop_invocation")
    async def stop_invocation(self, request: StopInvocationRequest) -> StopInvocationResult | None:
        self.stops.append(request)
        if request.execution_id is None:
            return None
        is_at_work = not request.is_repeated or next(self.is_at_work)
        return StopInvocationResult(is_claimed=self.is_claimed, is_at_work=is_at_work)

    @activity.defn(name="end_invocation")
    async def end_invocation(self, request: EndInvocationRequest) -> EndInvocationResult:
        self.endings.append(request)
        if request.cancels_workflow and self.cancels:
            await activity.client().get_workflow_handle(naming.invocation_workflow_id(request.invocation_id)).cancel()
        return EndInvocationResult(error_message="timed out after 1 s")


@dataclass
class ScriptedInvocation:
    """One invocation, on Temporal workers of its own."""

    client: Client
    activities: ScriptedActivities
    handle: WorkflowHandle[InvocationWorkflow, InvocationResult]

    async def ended(self) -> None:
        """Wait for the end, whatever it is."""
        with contextlib.suppress(WorkflowFailureError):
            await self.handle.result()

    async def failure(self) -> tuple[ApplicationError, InvocationResult]:
        """Wait until the workflow closes as Failed. Returns with what, and the result in its details."""
        with pytest.raises(WorkflowFailureError) as failed:
            await self.handle.result()
        assert isinstance(failed.value.cause, ApplicationError)
        converter = self.client.data_converter.payload_converter
        (detail,) = failed.value.cause.details
        return failed.value.cause, converter.from_payload(converter.to_payload(detail), InvocationResult)

    async def is_cancelled(self) -> None:
        """Wait until the workflow closes as Canceled."""
        with pytest.raises(WorkflowFailureError) as failed:
            await self.handle.result()
        assert isinstance(failed.value.cause, CancelledError)


class InvocationStarter:
    """Starts an invocation whose executions go as the script says."""

    def __init__(self, client: Client, clock: Callable[[], Awaitable[datetime]]) -> None:
        """`clock` tells the server's time."""
        self.client = client
        self._clock = clock

    @asynccontextmanager
    async def __call__(
        self,
        *script: Step,
        max_retries: int = 0,
        timeout_seconds: int = 3_600,
        queue_timeout_seconds: int | None = None,
        age: timedelta = timedelta(),
        is_claimed: bool = True,
        first_attempt: int | None = None,
        delay: timedelta | None = None,
    ) -> AsyncIterator[ScriptedInvocation]:
        """`first_attempt`: of a workflow that takes the place of one that was lost."""
        client = self.client
        activities = ScriptedActivities(list(script), is_claimed=is_claimed)
        creation_time = await self._clock() - age
        request = InvocationRequest(
            invocation_id=new_invocation_id(),
            function=FunctionRef(
                project_name=ProjectName("project"),
                version_id=new_version_id(),
                function_name=FunctionName("double"),
            ),
            execution_spec=ExecutionSpec(
                max_retries=max_retries,
                timeout_seconds=timeout_seconds,
                queue_timeout_seconds=queue_timeout_seconds,
            ),
            creation_time=creation_time,
            first_attempt=first_attempt or 1,
            resumes=first_attempt is not None,
            not_before=None if delay is None else creation_time + delay,
        )
        async with (
            Worker(
                client,
                task_queue=naming.INVOCATIONS_TASK_QUEUE,
                workflows=WORKFLOWS,
                activities=[activities.run_execution, activities.end_invocation],
            ),
            Worker(
                client,
                task_queue=naming.CONTROL_TASK_QUEUE,
                activities=[activities.stop_invocation, activities.run_execution],
            ),
        ):
            handle = await client.start_workflow(
                InvocationWorkflow.run,
                request,
                id=naming.invocation_workflow_id(request.invocation_id),
                task_queue=naming.INVOCATIONS_TASK_QUEUE,
                search_attributes=naming.invocation_search_attributes(request),
            )
            yield ScriptedInvocation(client=client, activities=activities, handle=handle)


async def state_of(invocation: ScriptedInvocation, state: str) -> None:
    """Wait until the workflow says that it is in this state."""
    while (await invocation.handle.query(InvocationWorkflow.status)).state != state:
        await asyncio.sleep(0.01)


class Container:
    """A script step that holds its execution until it is released."""

    def __init__(self, result: RunExecutionResult) -> None:
        self.started = asyncio.Event()
        self.released = asyncio.Event()
        self._result = result

    async def __call__(self, request: RunExecutionRequest) -> RunExecutionResult:
        self.started.set()
        await self.released.wait()
        return self._result
