"""The deletion of a project: cancels what runs, waits, retires what was prepared, deletes the rows."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.messages import DeletionRequest
    from workflows import naming, policies
    from workflows.ports import DeletionActivities

Result = TypeVar("Result")


@workflow.defn
class ProjectDeletionWorkflow:
    """Started by the first request to delete. Until the rows are gone, the project can be read."""

    @workflow.run
    async def run(self, request: DeletionRequest) -> None:
        while True:
            await self._wait_until_nothing_runs(request)
            await self._execute(DeletionActivities.retire_project, request)
            if not (await self._execute(DeletionActivities.delete_project, request)).running:
                return
            # An invocation was created in the meantime, as cancelled: it is awaited like the others.

    async def _wait_until_nothing_runs(self, request: DeletionRequest) -> None:
        pause = policies.DELETION_SHORTEST_PAUSE
        while True:
            left = await self._execute(DeletionActivities.cancel_project, request)
            if not left.running:
                return
            invocations = left.running - left.preparing - left.containers
            kept = f", and for {left.containers} containers that were kept" if left.containers else ""
            workflow.set_current_details(
                f"Waiting for {invocations} invocations to end and for {left.preparing} preparations{kept}"
            )
            await workflow.sleep(pause, summary=f"{invocations} invocations run")
            pause = min(2 * pause, policies.DELETION_LONGEST_PAUSE)

    async def _execute(
        self,
        activity: Callable[[DeletionActivities, DeletionRequest], Coroutine[Any, Any, Result]],
        request: DeletionRequest,
    ) -> Result:
        return await workflow.execute_activity_method(
            activity,
            request,
            task_queue=naming.CONTROL_TASK_QUEUE,
            start_to_close_timeout=policies.DELETION_STEP_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PASSING_FAULTS,
        )
