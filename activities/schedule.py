"""Has the reconciliation run every minute."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)

from workflows import naming, policies
from workflows.reconciliation import ReconciliationWorkflow


async def schedule_reconciliation(client: Client) -> None:
    """Create the schedule unless it is there; safe to repeat and to run at once. Raises RPCError."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ReconciliationWorkflow.run,
            id=naming.RECONCILIATION_SCHEDULE_ID,
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=policies.RECONCILIATION_INTERVAL)]),
        # What was missed need not be made up for: the next look sees everything.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=10)),
    )
    try:
        await client.create_schedule(naming.RECONCILIATION_SCHEDULE_ID, schedule)
    except ScheduleAlreadyRunningError:
        return
