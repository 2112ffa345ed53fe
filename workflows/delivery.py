"""Sends what one receiver of webhooks is to be told: looks for what is due, waits for what will be."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.webhooks import DeliveryTarget
    from workflows import naming, policies
    from workflows.ports import DeliveryActivities


@workflow.defn
class DeliveryWorkflow:
    """One for all deliveries to a target, so that a receiver that is slow keeps only its own waiting. What is pending,
    and when it is tried again, stands in the catalog. Ends when nothing is; may be started again at any time.
    """

    @workflow.init
    def __init__(self, target: DeliveryTarget) -> None:
        self._target = target
        self._looks_again = False  # made here: a signal may come before `run`

    @workflow.run
    async def run(self, target: DeliveryTarget) -> None:
        while not workflow.info().is_continue_as_new_suggested():
            self._looks_again = False
            progress = await workflow.execute_activity_method(
                DeliveryActivities.deliver_due,
                target,
                task_queue=naming.WEBHOOKS_TASK_QUEUE,
                start_to_close_timeout=policies.DELIVERY_START_TO_CLOSE,
                heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
                retry_policy=policies.PASSING_FAULTS,
            )
            if self._looks_again or progress.next_seconds == 0:
                continue
            if progress.next_seconds is None:
                return
            pause = timedelta(seconds=progress.next_seconds)
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: self._looks_again, timeout=pause, timeout_summary="next attempt")
        workflow.continue_as_new(target)

    @workflow.signal
    def look_again(self) -> None:
        """Deliveries have been noted, or are to be sent now."""
        self._looks_again = True
