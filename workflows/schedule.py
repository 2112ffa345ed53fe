"""The schedule that has the reconciliation run every minute, and says which installation a namespace works for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows import naming, policies
from workflows.reconciliation import ReconciliationWorkflow

# In the memo of the workflow that the schedule starts: a schedule's own memo cannot be changed later, and its note is
# overwritten when somebody pauses it.
_INSTALLATION = "installation"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSchedule:
    """`installation_id`: of the catalog that it works for; None if a release made it that did not record that."""

    installation_id: str | None


async def find_schedule(client: Client) -> FoundSchedule | None:
    """None if there is none in the namespace, or no namespace. Raises RPCError."""
    try:
        description = await client.get_schedule_handle(naming.RECONCILIATION_SCHEDULE_ID).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    action = description.schedule.action
    memo = action.memo if isinstance(action, ScheduleActionStartWorkflow) else None
    return FoundSchedule(installation_id=await _read_installation(client, memo or {}))


async def ensure_schedule(client: Client, installation_id: str) -> None:
    """Create the schedule unless it exists, and record the installation in it unless one is recorded. May be repeated,
    and run by several processes at once. Raises RPCError."""
    action = ScheduleActionStartWorkflow(
        ReconciliationWorkflow.run,
        id=naming.RECONCILIATION_SCHEDULE_ID,
        task_queue=naming.INVOCATIONS_TASK_QUEUE,
        memo={_INSTALLATION: installation_id},
        # A run that waits for an activity which only another release has must not keep all later runs from starting.
        execution_timeout=policies.RECONCILIATION_TIMEOUT,
    )
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=policies.RECONCILIATION_INTERVAL)]),
        # Missed runs need not be made up for: the next one finds everything.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=10)),
    )
    found = await find_schedule(client)
    if found is None:
        try:
            # At once: in a namespace that replaces a lost one every workflow is missing.
            await client.create_schedule(naming.RECONCILIATION_SCHEDULE_ID, schedule, trigger_immediately=True)
        except ScheduleAlreadyRunningError:
            return
    elif found.installation_id is None:

        def note_installation(update: ScheduleUpdateInput) -> ScheduleUpdate:
            update.description.schedule.action = action
            return ScheduleUpdate(schedule=update.description.schedule)

        await client.get_schedule_handle(naming.RECONCILIATION_SCHEDULE_ID).update(note_installation)


async def _read_installation(client: Client, memo: Mapping[str, object]) -> str | None:
    payload = memo.get(_INSTALLATION)
    if not isinstance(payload, Payload):
        return None
    (installation_id,) = await client.data_converter.decode([payload], [str])
    return str(installation_id)
