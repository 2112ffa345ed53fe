"""Prepares the functions of one version, some at a time."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId
    from control_plane_server.domain.messages import PreparationRequest, PrepareFunctionRequest, PrepareFunctionResult
    from workflows import naming, policies
    from workflows.ports import PreparationActivities

# ECS takes about one registration a second, and a preparation that waits for it holds a slot of `control`, which stops
# need as well.
MOST_AT_ONCE = 20


@workflow.defn
class FunctionPreparationWorkflow:
    """Started with a version. Passing faults are retried without end; a definite refusal is kept as the function's
    `preparation_error`."""

    @workflow.init
    def __init__(self, request: PreparationRequest) -> None:
        self._functions = len(request.function_names)
        self._settled = 0

    @workflow.run
    async def run(self, request: PreparationRequest) -> list[PrepareFunctionResult]:
        at_once = self._functions
        if self._functions > MOST_AT_ONCE and workflow.patched("some-at-a-time"):
            at_once = MOST_AT_ONCE
        places = asyncio.Semaphore(at_once)
        return await asyncio.gather(*(self._prepare(request, name, places) for name in request.function_names))

    async def _prepare(
        self, request: PreparationRequest, function_name: FunctionName, places: asyncio.Semaphore
    ) -> PrepareFunctionResult:
        async with places:
            result = await self._prepared(request, function_name)
        self._settled += 1
        workflow.set_current_details(f"{self._settled} of {self._functions} functions are settled")
        return result

    async def _prepared(self, request: PreparationRequest, function_name: FunctionName) -> PrepareFunctionResult:
        return await workflow.execute_activity_method(
            PreparationActivities.prepare_function,
            PrepareFunctionRequest(
                function=FunctionRef(
                    project_name=ProjectName(request.project_name),
                    version_id=VersionId(request.version_id),
                    function_name=function_name,
                )
            ),
            task_queue=naming.CONTROL_TASK_QUEUE,
            summary=f"prepare {function_name}",
            start_to_close_timeout=policies.PREPARATION_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PREPARATION_RETRIES,
        )
