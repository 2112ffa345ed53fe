"""The life of one invocation: attempts under the function's retry policy until an outcome, a stop or the last one."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
    from control_plane_server.domain.identifiers import ExecutionId, drawn_from, execution_id_for
    from control_plane_server.domain.messages import (
        AttemptState,
        ContainerAwaited,
        EndInvocationRequest,
        EndInvocationResult,
        InvocationProgress,
        InvocationRequest,
        InvocationResult,
        RunExecutionRequest,
        RunExecutionResult,
        SlotGranted,
        StopInvocationRequest,
        StopInvocationResult,
        StopReason,
    )
    from control_plane_server.domain.traces import InvocationTrace
    from workflows import failures, naming, policies
    from workflows.ports import InvocationActivities


@workflow.defn
class InvocationWorkflow:
    """One invocation. Its id is the workflow's id; its rows in the catalog are written by its activities only.

    Cancellation and timeout set one flag, and every wait is for "event or flag". `run_execution` is never cancelled, as
    it has to wait until its container is gone.
    """

    @workflow.init
    def __init__(self, request: InvocationRequest) -> None:
        self._request = request
        self._retries = policies.retry_policy_of(request.execution_spec)
        waits_from = request.not_before or request.creation_time
        self._deadline = policies.deadline_of(waits_from, request.execution_spec)
        self._queue_deadline = policies.queue_deadline_of(waits_from, request.execution_spec)
        self._trace = None
        if request.traceparent is not None:
            self._trace = InvocationTrace(
                traceparent=request.traceparent,
                invocation_id=request.invocation_id,
                function=request.function,
                creation_time=request.creation_time,
            )
        self._attempt = request.first_attempt
        self._executions = self._attempt - 1  # that there are in the catalog
        self._state = "starting"
        self._may_have_begun = request.resumes
        self._granted: set[ExecutionId] = set()  # made here: a signal may come before `run`
        self._retry_now = False
        self._stop_reason: StopReason | None = None

    @workflow.run
    async def run(self, request: InvocationRequest) -> InvocationResult:
        if workflow.now() >= self._deadline:
            self._stop(StopReason.TIMED_OUT)
        attempts = asyncio.create_task(self._run_attempts())
        timer = asyncio.create_task(self._time_out())
        while not attempts.done():
            try:
                await workflow.wait([attempts])
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:  # no cancellation request: this process evicts the workflow
                    raise
                self._stop(StopReason.CANCELLED)
        result = attempts.result()
        del timer  # its timer is left to run out with the workflow: cancelling it would be one more event
        workflow.upsert_search_attributes(
            [naming.STATUS.value_set(result.ending), naming.ATTEMPTS.value_set(result.executions)]
        )
        if result.ending is InvocationOutcome.CANCELLED and workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError
        # Only where it is needed, as it is two events more.
        if result.ending is InvocationOutcome.SUCCEEDED or not workflow.patched(naming.FAILURES_CLOSE_AS_FAILED):
            return result
        if result.ending is InvocationOutcome.CANCELLED:
            await self._be_cancelled()
        raise failures.of_invocation(result)

    @workflow.signal
    def slot_granted(self, granted: SlotGranted) -> None:
        """The execution has a slot of its function now. May be sent again until it is taken up."""
        self._granted.add(granted.execution_id)

    @workflow.signal(name="worker_awaited")
    def container_awaited(self, awaited: ContainerAwaited) -> None:
        """Show in the Web UI why the execution has no container yet, or that it has one now."""
        if awaited.execution_id != self._execution_id or self._is_stopped:
            return
        if awaited.reason is None:
            self._show_running()
        else:
            self._show("waiting for a container", f"Execution {self._attempt}: {awaited.reason}")

    @workflow.signal
    def retry_now(self) -> None:
        """Skip the rest of the back-off before the next attempt."""
        self._retry_now = True

    @workflow.query
    def status(self) -> InvocationProgress:
        return InvocationProgress(
            state=self._state,
            attempt=self._attempt,
            max_attempts=self._retries.maximum_attempts,
            execution_id=self._execution_id,
            stop_reason=self._stop_reason,
        )

    async def _run_attempts(self) -> InvocationResult:
        await self._wait_out_delay()
        while True:
            result = await self._run_attempt()
            if result is None:
                return await self._end()
            if result.invocation_ended:
                return self._result_of(result)
            await self._back_off()
            if self._is_stopped:
                return await self._end()
            self._attempt += 1

    async def _wait_out_delay(self) -> None:
        """Nothing is waited for, and no timer started, without one."""
        if self._request.not_before is None:
            return
        left = self._request.not_before - workflow.now()
        if left > timedelta():
            self._show("delayed", f"Begins not before {self._request.not_before:%Y-%m-%d %H:%M:%S} UTC")
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: self._is_stopped, timeout=left, timeout_summary="delay")

    async def _run_attempt(self) -> RunExecutionResult | None:
        """One attempt, queueing included. None if the invocation was stopped before the attempt had a container."""
        if self._stop_reason is not None and self._may_have_begun:
            return await self._finish_stopped(self._stop_reason)
        self._may_have_begun = False
        slot_was_granted = self._request.has_slot and self._attempt == self._request.first_attempt
        while self._stop_reason is None:
            result = await self._run_execution(slot_was_granted=slot_was_granted)
            if result is not None and result.state is AttemptState.ENDED:
                self._executions = self._attempt
                return result
            if result is None or result.state is AttemptState.REFUSED:
                return None
            self._show("queued", f"Waiting for a slot of `{self._request.function.function_name}`")
            await self._wait_for_slot()
            if self._execution_id in self._granted:
                self._executions = self._attempt
                self._granted.discard(self._execution_id)
            slot_was_granted = True
        return None

    async def _wait_for_slot(self) -> None:
        """Until it is granted or the invocation is stopped, as it is when its time in the queue is over. There is no
        timer unless there is such a limit."""

        def is_over() -> bool:
            return self._execution_id in self._granted or self._is_stopped

        if self._queue_deadline is None or self._attempt > 1:
            await workflow.wait_condition(is_over)
            return
        left = self._queue_deadline - workflow.now()
        if left > timedelta():
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(is_over, timeout=left, timeout_summary="time in the queue")
        if not is_over():
            self._stop(StopReason.TIMED_OUT)

    async def _finish_stopped(self, reason: StopReason) -> RunExecutionResult | None:
        """The result of an attempt that a lost workflow may have begun, where a stop came first. None if it had not
        begun."""
        stopped = await self._stop_container(reason)
        if stopped is not None and not stopped.is_claimed:
            return None
        self._executions = self._attempt
        execution = self._start_execution(
            activity_id=self._execution_id,
            task_queue=naming.CONTROL_TASK_QUEUE,
            summary=f"see execution {self._attempt} to its end",
        )
        return await failures.result_of(execution)

    async def _run_execution(self, *, slot_was_granted: bool) -> RunExecutionResult | None:
        """None if the invocation was stopped before the execution took up its slot."""
        self._show_running()
        execution = self._start_execution(
            activity_id=self._execution_id,
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            summary=naming.execution_summary(
                attempt=self._attempt,
                max_attempts=self._retries.maximum_attempts,
                slot_was_granted=slot_was_granted,
            ),
            has_slot=slot_was_granted,
        )
        await workflow.wait_condition(lambda: execution.done() or self._is_stopped)
        if self._stop_reason is None or execution.done():
            return await failures.result_of(execution)
        stopped = await self._stop_container(self._stop_reason)
        if stopped is None:  # a history of a release in which stops had no result
            return await failures.result_of(execution)
        if not stopped.is_claimed:
            return await failures.result_of(execution) if execution.done() else None
        await self._wait_until_done_or_not_at_work(execution, self._stop_reason)
        if execution.done():
            return await failures.result_of(execution)
        # The activity has lost its process, and may wait long for a slot of another one. Both may run at once.
        substitute = self._start_execution(
            activity_id=f"{self._execution_id}-stopped",
            task_queue=naming.CONTROL_TASK_QUEUE,
            summary=f"see execution {self._attempt} to its end",
        )
        await workflow.wait_condition(lambda: execution.done() or substitute.done())
        return await failures.result_of(execution if execution.done() else substitute)

    async def _wait_until_done_or_not_at_work(
        self, execution: workflow.ActivityHandle[RunExecutionResult], reason: StopReason
    ) -> None:
        for patience in policies.stop_patiences():
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(execution.done, timeout=patience, timeout_summary="end of the container")
            if execution.done():
                return
            stopped = await self._stop_container(reason, is_repeated=True)
            if stopped is not None and not stopped.is_at_work:
                return

    def _start_execution(
        self, *, activity_id: str, task_queue: str, summary: str, has_slot: bool = False
    ) -> workflow.ActivityHandle[RunExecutionResult]:
        return workflow.start_activity_method(
            InvocationActivities.run_execution,
            RunExecutionRequest(
                invocation_id=self._request.invocation_id,
                execution_id=self._execution_id,
                attempt=self._attempt,
                is_last_attempt=self._attempt >= self._retries.maximum_attempts,
                trace=self._trace,
                raises_failure=True,
                has_slot=has_slot,
            ),
            activity_id=activity_id,
            task_queue=task_queue,
            summary=summary,
            start_to_close_timeout=policies.RUN_EXECUTION_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PASSING_FAULTS,
        )

    async def _stop_container(self, reason: StopReason, *, is_repeated: bool = False) -> StopInvocationResult | None:
        self._show("stopping", f"Stopping execution {self._attempt}: {reason}")
        return await workflow.execute_activity_method(
            InvocationActivities.stop_invocation,
            StopInvocationRequest(
                invocation_id=self._request.invocation_id,
                reason=reason,
                execution_id=self._execution_id,
                is_repeated=is_repeated,
            ),
            task_queue=naming.CONTROL_TASK_QUEUE,
            summary=f"stop: {reason}",
            start_to_close_timeout=policies.STOP_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PASSING_FAULTS,
        )

    async def _back_off(self) -> None:
        delay = policies.backoff_after(
            self._attempt,
            self._retries,
            jitter=self._request.execution_spec.retry_jitter,
            drawn=drawn_from(self._execution_id),
        )
        self._show("backing off", f"Execution {self._attempt} failed; the next one starts after {delay}")
        self._retry_now = False
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._retry_now or self._is_stopped,
                timeout=delay,
                timeout_summary=f"back-off after execution {self._attempt}",
            )

    async def _end(self) -> InvocationResult:
        """The end of an invocation that was stopped while it had no container."""
        ended = await self._end_in_catalog(summary="end")
        ending = (
            InvocationOutcome.TIMED_OUT if self._stop_reason is StopReason.TIMED_OUT else InvocationOutcome.CANCELLED
        )
        return self._finished(ending, None if ended is None else ended.error_message)

    async def _be_cancelled(self) -> None:
        """Have this workflow cancelled, as only then it can close as such: the cancellation was found in the catalog.
        Returns only if that does not come."""
        await self._end_in_catalog(summary="cancel", cancels_workflow=True)
        await workflow.sleep(policies.CANCELLATION_PATIENCE, summary="cancellation")

    async def _end_in_catalog(self, *, summary: str, cancels_workflow: bool = False) -> EndInvocationResult | None:
        return await workflow.execute_local_activity_method(
            InvocationActivities.end_invocation,
            EndInvocationRequest(
                invocation_id=self._request.invocation_id,
                reason=self._stop_reason,
                trace=self._trace,
                cancels_workflow=cancels_workflow,
            ),
            summary=summary,
            start_to_close_timeout=policies.LOCAL_START_TO_CLOSE,
            retry_policy=policies.PASSING_FAULTS,
        )

    def _result_of(self, last: RunExecutionResult) -> InvocationResult:
        """As the catalog has it: a stop that comes after the end changes nothing. A stop that the catalog recorded
        before the end counts, though it may not have reached this workflow."""
        was_stopped = self._is_stopped if last.was_stopped is None else last.was_stopped
        if last.outcome is ExecutionOutcome.SUCCEEDED:
            return self._finished(InvocationOutcome.SUCCEEDED)
        if was_stopped:
            return self._finished(InvocationOutcome(self._stop_reason or StopReason.CANCELLED), last.error_message)
        if last.outcome is ExecutionOutcome.ABORTED:
            return self._finished(InvocationOutcome.ABORTED)
        return self._finished(InvocationOutcome.FAILED, last.error_message)

    def _finished(self, ending: InvocationOutcome, error_message: str | None = None) -> InvocationResult:
        when = f"after execution {self._executions} of {self._retries.maximum_attempts}"
        self._show("ended", f"{ending} {when if self._executions else 'before its first execution'}")
        return InvocationResult(ending=ending, executions=self._executions, error_message=error_message)

    async def _time_out(self) -> None:
        remaining = self._deadline - workflow.now()
        if remaining > timedelta():
            await workflow.sleep(remaining, summary="timeout")
            self._stop(StopReason.TIMED_OUT)

    def _stop(self, reason: StopReason) -> None:
        """Keep the first reason, so that an invocation never has two different outcomes."""
        self._stop_reason = self._stop_reason or reason

    def _show_running(self) -> None:
        maximum = self._retries.maximum_attempts
        self._show("running", f"Execution {self._attempt} of {maximum}: `{self._execution_id}`")

    def _show(self, state: str, details: str) -> None:
        self._state = state
        workflow.set_current_details(details)

    @property
    def _is_stopped(self) -> bool:
        return self._stop_reason is not None

    @property
    def _execution_id(self) -> ExecutionId:
        return execution_id_for(self._request.invocation_id, self._attempt)
