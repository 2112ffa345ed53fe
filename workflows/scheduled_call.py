"""What Temporal's schedules start: one time of a schedule, until its invocation is made, or will not be."""

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.messages import CallScheduledRequest, CallScheduledResult, ScheduledCallRequest
    from workflows import naming, policies
    from workflows.ports import ScheduleActivities

_WAITING = "WAITING"


@workflow.defn
class ScheduledCallWorkflow:
    """It does not wait for the invocation's end: what overlaps is decided in the catalog, which knows what runs."""

    @workflow.run
    async def run(self, request: ScheduledCallRequest) -> CallScheduledResult:
        scheduled_time = request.scheduled_time or _scheduled_time()
        has_waited = request.scheduled_time is not None
        if request.jitter_seconds and not has_waited:
            delay = timedelta(seconds=request.jitter_seconds * workflow.random().random())
            await workflow.sleep(delay, summary="jitter")
        pauses = policies.overlap_pauses()
        while True:
            called = await self._call(request, scheduled_time, has_waited=has_waited)
            workflow.set_current_details(called.reason or called.invocation_id or called.state)
            if called.state != _WAITING:
                return called
            has_waited = True
            await workflow.sleep(next(pauses), summary="another invocation of the schedule runs")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(
                    ScheduledCallRequest(schedule_id=request.schedule_id, scheduled_time=scheduled_time)
                )

    async def _call(
        self, request: ScheduledCallRequest, scheduled_time: datetime, *, has_waited: bool
    ) -> CallScheduledResult:
        return await workflow.execute_local_activity_method(
            ScheduleActivities.call_scheduled,
            CallScheduledRequest(schedule_id=request.schedule_id, scheduled_time=scheduled_time, has_waited=has_waited),
            start_to_close_timeout=policies.LOCAL_START_TO_CLOSE,
            retry_policy=policies.PASSING_FAULTS,
        )


def _scheduled_time() -> datetime:
    """By whoever starts it by hand, now."""
    return workflow.info().typed_search_attributes.get(naming.SCHEDULED_START_TIME) or workflow.info().start_time
