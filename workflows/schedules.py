"""Makes Temporal's schedules match the catalog's, and asks them for times. All of it may be repeated."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
)
from temporalio.service import RPCError, RPCStatusCode

from control_plane_server.domain import schedules
from control_plane_server.domain.identifiers import ScheduleId
from control_plane_server.domain.messages import ScheduledCallRequest
from workflows import naming
from workflows.scheduled_call import ScheduledCallWorkflow

_PAGE = 500
_EVERY_HOUR = ["*", "*", "*", "*"]  # hours, days, months and days of the week of a cron
_ANY_YEAR = 2026
_HOUR = timedelta(hours=1)
_AT_ONCE = timedelta(seconds=5)  # longer than `api` tries


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSchedule:
    """As Temporal lists it, which lags some seconds behind. `note`: what it was made to match."""

    schedule_id: ScheduleId
    note: str | None
    is_paused: bool

    def matches(self, schedule: schedules.Schedule) -> bool:
        return self.note == note_of(schedule) and self.is_paused == schedule.is_resting


def note_of(schedule: schedules.Schedule) -> str:
    """All that Temporal has to know of it, in a line for its Web UI: one with another note does not match."""
    spec = schedule.spec
    times = f"every {spec.every_seconds} s" if spec.cron is None else f"{spec.cron} in {spec.timezone}"
    jitter = f", up to {spec.jitter_seconds} s later" if spec.jitter_seconds else ""
    rest = f"; rests: {schedule.rest_reason}" if schedule.is_resting else ""
    called = naming.shorten(f"{schedule.project_name}/{schedule.function_name}")
    return f"{spec.schedule_name}: calls {called} {times}{jitter}{rest}"


async def match_schedule(client: Client, schedule: schedules.Schedule) -> None:
    """If it comes late, also have it call at the times since the schedule was changed: those that were called make no
    second invocation. Raises RPCError, or RuntimeError if Temporal cannot be connected to, as do all of these
    functions."""
    wanted = _for_temporal(schedule)
    backfill = _since_its_change(schedule, datetime.now(UTC))
    try:
        await client.create_schedule(schedule.schedule_id, wanted, backfill=backfill)
    except ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(schedule.schedule_id)
        await handle.update(lambda _: ScheduleUpdate(schedule=wanted))
        if backfill:
            await handle.backfill(*backfill)


async def delete_schedule(client: Client, schedule_id: ScheduleId) -> bool:
    """False if there is none."""
    try:
        await client.get_schedule_handle(schedule_id).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def listed_schedules(client: Client) -> AsyncIterator[ListedSchedule]:
    """All that are of a catalog."""
    async for listed in await client.list_schedules(page_size=_PAGE):
        if listed.id.startswith(naming.SCHEDULE_ID_PREFIX):
            state = None if listed.schedule is None else listed.schedule.state
            yield ListedSchedule(
                schedule_id=ScheduleId(listed.id),
                note=None if state is None else state.note,
                is_paused=state is not None and state.paused,
            )


async def next_times(client: Client, schedule_id: ScheduleId) -> list[datetime]:
    """The next ten. Raises RPCError, with NOT_FOUND for one that Temporal does not have."""
    description = await client.get_schedule_handle(schedule_id).describe()
    return list(description.info.next_action_times)


async def times_between(client: Client, schedule_id: ScheduleId, start: datetime, end: datetime) -> list[datetime]:
    """Both inclusive; Temporal gives 1,000 at most. Raises RPCError, with NOT_FOUND as `next_times`."""
    answer = await client.workflow_service.list_schedule_matching_times(
        ListScheduleMatchingTimesRequest(
            namespace=client.namespace,
            schedule_id=schedule_id,
            start_time=_timestamp(start - timedelta(seconds=1)),  # it looks for what is later
            end_time=_timestamp(end),
        )
    )
    return [time.ToDatetime(tzinfo=start.tzinfo) for time in answer.start_time]


def _for_temporal(schedule: schedules.Schedule) -> Schedule:
    spec = schedule.spec
    every = timedelta(seconds=spec.every_seconds or 0)
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ScheduledCallWorkflow.run,
            ScheduledCallRequest(schedule_id=schedule.schedule_id, jitter_seconds=spec.jitter_seconds),
            id=schedule.schedule_id,  # Temporal adds the time
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            static_summary=naming.shorten(f"{schedule.project_name}: {spec.schedule_name}"),
        ),
        spec=ScheduleSpec(
            cron_expressions=[] if spec.cron is None else [spec.cron],
            intervals=[] if spec.every_seconds is None else [ScheduleIntervalSpec(every=every)],
            time_zone_name=_time_zone(spec),
        ),
        # What runs is the catalog's to know: for Temporal a call is over when its invocation is made.
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=schedules.CATCH_UP_WINDOW, pause_on_failure=False
        ),
        state=ScheduleState(note=note_of(schedule), paused=schedule.is_resting),
    )


def _since_its_change(schedule: schedules.Schedule, now: datetime) -> list[ScheduleBackfill]:
    start = max(schedule.last_update_time, now - schedules.CATCH_UP_WINDOW)
    if schedule.is_resting or now - start < _AT_ONCE:
        return []
    return [ScheduleBackfill(start_at=start, end_at=now, overlap=ScheduleOverlapPolicy.ALLOW_ALL)]


def _time_zone(spec: schedules.ScheduleSpec) -> str:
    """In the night in which clocks go back, Temporal leaves times out east of Greenwich (server 1.32). What comes in
    every hour of every day is the same by UTC, wherever clocks differ from that by whole hours."""
    if spec.cron is None or spec.cron.split()[1:] != _EVERY_HOUR:
        return spec.timezone
    zone = ZoneInfo(spec.timezone)
    offsets = [datetime(_ANY_YEAR, month, 1, tzinfo=zone).utcoffset() or timedelta() for month in range(1, 13)]
    return spec.timezone if any(offset % _HOUR for offset in offsets) else "UTC"


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp
