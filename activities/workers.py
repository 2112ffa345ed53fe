"""The two Temporal workers of the `loop` process."""

from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.executions import ExecutionRunner
from activities.grants import GrantSender
from activities.invocations import BoundInvocationActivities
from activities.preparations import BoundPreparationActivities
from catalog.database import Database
from provisioners.contract import Provisioner
from workflows import naming
from workflows.registry import WORKFLOWS

# What is short ends by itself within this; what runs a container is let go at once, and the next process adopts it.
_CONTROL_GRACE = timedelta(seconds=10)


def build_workers(
    client: Client,
    *,
    database: Database,
    provisioner: Provisioner,
    signing_key: str,
    max_concurrent_executions: int,
) -> tuple[Worker, Worker]:
    """`invocations` for workflows and containers, `control` for everything short: a full house can still be stopped."""
    grants = GrantSender(client, database)
    runner = ExecutionRunner(database=database, provisioner=provisioner, grants=grants, signing_key=signing_key)
    invocations = BoundInvocationActivities(runner=runner, database=database, provisioner=provisioner, grants=grants)
    preparations = BoundPreparationActivities(database=database, provisioner=provisioner, grants=grants)
    return (
        Worker(
            client,
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            workflows=WORKFLOWS,
            activities=[invocations.run_execution, invocations.end_invocation],
            max_concurrent_activities=max_concurrent_executions,
            max_cached_workflows=max(1_000, 2 * max_concurrent_executions),
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        ),
        Worker(
            client,
            task_queue=naming.CONTROL_TASK_QUEUE,
            activities=[invocations.stop_invocation, preparations.prepare_function],
            graceful_shutdown_timeout=_CONTROL_GRACE,
        ),
    )
