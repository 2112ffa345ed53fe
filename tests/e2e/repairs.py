"""A reconciliation of the test's own, beside the scheduled ones."""

import uuid

from temporalio.client import Client

from workflows.naming import INVOCATIONS_TASK_QUEUE
from workflows.reconciliation import ReconciliationWorkflow


async def repairs(temporal: Client) -> dict[str, int]:
    """What one look has repaired."""
    result = await temporal.execute_workflow(
        ReconciliationWorkflow.run, id=f"reconciliation-{uuid.uuid4()}", task_queue=INVOCATIONS_TASK_QUEUE
    )
    return {name: count for name, count in result.repairs.items() if count}
