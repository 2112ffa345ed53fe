"""A time of a schedule: asked for until it has an invocation, or will have none."""

from datetime import UTC, datetime, timedelta

from temporalio.testing import WorkflowEnvironment

from control_plane_server.domain.identifiers import ScheduleId
from control_plane_server.domain.messages import ScheduledCallRequest
from tests.workflows.steps import Handle, ScriptedCalls, call

SCHEDULE = ScheduleId("sch-1")


async def waits_of(handle: Handle) -> list[timedelta]:
    events = (await handle.fetch_history()).events
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in events
        if event.HasField("timer_started_event_attributes")
    ]


async def test_a_call_is_one_local_activity(time_skipping: WorkflowEnvironment) -> None:
    calls = ScriptedCalls(["STARTED"])
    handle = await call(time_skipping.client, calls, ScheduledCallRequest(schedule_id=SCHEDULE))
    assert len((await handle.fetch_history()).events) == 6
    (request,) = calls.requests
    assert (request.schedule_id, request.has_waited) == (SCHEDULE, False)
    started = (await handle.describe()).start_time
    assert abs(request.scheduled_time - started) < timedelta(seconds=1), "of one that somebody starts by hand"


async def test_who_waits_looks_again_less_and_less_often(time_skipping: WorkflowEnvironment) -> None:
    calls = ScriptedCalls(["WAITING"] * 7 + ["SKIPPED"])
    handle = await call(time_skipping.client, calls, ScheduledCallRequest(schedule_id=SCHEDULE))
    assert [wait / timedelta(seconds=1) for wait in await waits_of(handle)] == [1, 2, 4, 8, 16, 30, 30]
    assert [request.has_waited for request in calls.requests] == [False] + [True] * 7
    assert len({request.scheduled_time for request in calls.requests}) == 1


async def test_jitter_is_before_the_first_look_and_of_no_later_run(time_skipping: WorkflowEnvironment) -> None:
    request = ScheduledCallRequest(schedule_id=SCHEDULE, jitter_seconds=600)
    (wait,) = await waits_of(await call(time_skipping.client, ScriptedCalls(["STARTED"]), request))
    assert timedelta() < wait < timedelta(minutes=10)
    time = datetime(2026, 1, 1, tzinfo=UTC)
    calls = ScriptedCalls(["STARTED"])
    later = ScheduledCallRequest(schedule_id=SCHEDULE, jitter_seconds=600, scheduled_time=time)
    assert await waits_of(await call(time_skipping.client, calls, later)) == []
    assert [(one.scheduled_time, one.has_waited) for one in calls.requests] == [(time, True)]
