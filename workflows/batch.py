"""The life of a batch: its first slots, its stop, and the wait for its last invocation."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.messages import AdvanceBatchRequest, BatchProgress, BatchRequest, StopReason
    from workflows import naming, policies
    from workflows.ports import BatchActivities


@workflow.defn
class BatchWorkflow:
    """One batch. Its id is the workflow's id. It starts no workflows by itself: an invocation of a batch waits in the
    catalog's queue, and whoever gives it a slot starts its workflow. What has no workflow is stopped here.

    May be started again as long as the batch is not complete.
    """

    @workflow.init
    def __init__(self, request: BatchRequest) -> None:
        self._request = request
        # Only those that wait for their first slot are stopped here: the sooner of both limits is theirs. Of a replay
        # each has its own, and every look says which is next.
        waits_from = request.not_before or request.creation_time
        self._deadline = policies.deadline_of(waits_from, request.execution_spec)
        queue_deadline = policies.queue_deadline_of(waits_from, request.execution_spec)
        if queue_deadline is not None:
            self._deadline = min(self._deadline, queue_deadline)
        self._progress = BatchProgress(ended=0, size=request.size)
        self._is_cancelled = False
        self._looks_again = False  # made here: a signal may come before `run`

    @workflow.run
    async def run(self, request: BatchRequest) -> BatchProgress:
        advancing = asyncio.create_task(self._advance())
        while not advancing.done():
            try:
                await workflow.wait([advancing])
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:  # no cancellation request: this process evicts the workflow
                    raise
                self._is_cancelled = self._looks_again = True
        progress = advancing.result()
        workflow.upsert_search_attributes([naming.STATUS.value_set(naming.TERMINATED_STATUS)])
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError
        return progress

    @workflow.signal
    def look_again(self) -> None:
        """Something has changed in the catalog: invocations are to be cancelled, or the last one has ended."""
        self._looks_again = True

    @workflow.query
    def status(self) -> BatchProgress:
        """As of the last look."""
        return self._progress

    async def _advance(self) -> BatchProgress:
        await self._wait_out_delay()
        pauses = policies.batch_pauses()
        has_timed_out = False
        while True:
            self._looks_again = False
            has_timed_out = has_timed_out or workflow.now() >= self._deadline
            self._progress = await self._look(self._stop_reason(has_timed_out=has_timed_out))
            if self._progress.next_deadline is not None:
                self._deadline, has_timed_out = self._progress.next_deadline, False
            ended, size = self._progress.ended, self._progress.size
            workflow.set_current_details(f"{ended} of {size} invocations have ended, as of the last look")
            if self._progress.is_over:
                return self._progress
            if self._is_delayed:  # it was woken before
                await self._wait_out_delay()
                continue
            pause = next(pauses)
            if not has_timed_out:
                pause = max(timedelta(), min(pause, self._deadline - workflow.now()))
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: self._looks_again, timeout=pause, timeout_summary="next look")

    async def _wait_out_delay(self) -> None:
        """Or until something is to be cancelled. No timer is started without one."""
        if self._request.not_before is None or not self._is_delayed:
            return
        workflow.set_current_details(f"Begins not before {self._request.not_before:%Y-%m-%d %H:%M:%S} UTC")
        left = self._request.not_before - workflow.now()
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: self._looks_again, timeout=left, timeout_summary="delay")

    @property
    def _is_delayed(self) -> bool:
        return self._request.not_before is not None and workflow.now() < self._request.not_before

    def _stop_reason(self, *, has_timed_out: bool) -> StopReason | None:
        if self._is_cancelled:
            return StopReason.CANCELLED
        return StopReason.TIMED_OUT if has_timed_out else None

    async def _look(self, stop_reason: StopReason | None) -> BatchProgress:
        return await workflow.execute_activity_method(
            BatchActivities.advance_batch,
            AdvanceBatchRequest(
                batch_id=self._request.batch_id,
                stop_reason=stop_reason,
                ends_delay=self._request.not_before is not None and not self._is_delayed,
                is_replay=self._request.is_replay,
            ),
            task_queue=naming.CONTROL_TASK_QUEUE,
            summary="look" if stop_reason is None else f"stop: {stop_reason}",
            start_to_close_timeout=policies.STOP_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PASSING_FAULTS,
        )
