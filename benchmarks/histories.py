"""What an invocation that succeeds leaves in Temporal."""

from temporalio.client import Client

from benchmarks import bare
from benchmarks.containers import ZERO
from benchmarks.figures import Row
from benchmarks.project import Project
from benchmarks.stack import Stack


async def histories(stack: Stack) -> list[Row]:
    project = await Project.deployed(stack, ZERO)
    path = await project.submit(ZERO)
    await project.follow(path)
    events, size = await _history(stack.temporal, path.rpartition("/")[2])
    bare_events, bare_size = await _history(stack.temporal, await bare.run_and_name(stack.temporal))
    return [
        Row(
            what=f"history of an invocation: {what}",
            unit=what,
            figures=[figure],
            against_what="a bare workflow's",
            against=[theirs],
        )
        for what, figure, theirs in (("events", events, bare_events), ("bytes", size, bare_size))
    ]


async def _history(temporal: Client, workflow_id: str) -> tuple[int, int]:
    """Of a workflow, once it is closed: how many events, how many bytes."""
    handle = temporal.get_workflow_handle(workflow_id)
    await handle.result()
    info = (await handle.describe()).raw_description.workflow_execution_info
    return info.history_length, info.history_size_bytes
