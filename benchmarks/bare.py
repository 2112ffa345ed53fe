"""What users would otherwise write: a workflow with one activity that does nothing, on a Temporal worker like ours.

`python -m benchmarks.bare` is that Temporal worker.
"""

import asyncio
import signal
import time
import uuid
from datetime import timedelta

import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from control_plane_server.orchestration.connection import connect_temporal

TASK_QUEUE = "bare"
_CEILING = 3_000  # as CONTROL_PLANE_MAX_CONCURRENT_EXECUTIONS


@activity.defn
async def nothing() -> float:
    """When it began, in seconds since 1970."""
    return time.time()


@workflow.defn
class BareWorkflow:
    @workflow.run
    async def run(self) -> float:
        return await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(minutes=1))


async def run(client: Client) -> float:
    """One from its start to its result: when its activity began."""
    return await client.execute_workflow(BareWorkflow.run, id=uuid.uuid4().hex, task_queue=TASK_QUEUE)


async def run_and_name(client: Client) -> str:
    """The workflow's id, once it has ended."""
    handle = await client.start_workflow(BareWorkflow.run, id=uuid.uuid4().hex, task_queue=TASK_QUEUE)
    await handle.result()
    return handle.id


async def _run() -> None:
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    # As in `processes.temporal_workers`.
    async with Worker(
        await connect_temporal(),
        task_queue=TASK_QUEUE,
        workflows=[BareWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
        activities=[nothing],
        max_concurrent_activities=_CEILING,
        max_cached_workflows=2 * _CEILING,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    ):
        await stopping.wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run())
