"""Schedules set, read, paused, triggered, filled up and deleted from an application."""

from datetime import UTC, datetime, timedelta

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess

HOUR = timedelta(hours=1)


def test_a_schedule_from_its_first_day_to_its_last(client: cp.Client, project: str) -> None:
    hourly = cp.Cron("0 * * * *", timezone="Europe/Berlin", input={"number": 2}, overlap="allow_all")
    schedule = client.set_schedule(project, "hourly", "double", hourly)
    assert (schedule.function_name, schedule.cron, schedule.overlap) == ("double", "0 * * * *", "allow_all")
    assert [one.schedule_name for one in client.schedules(project)] == ["hourly"]
    times = client.schedule(project, "hourly").next_times
    assert times is not None
    assert len(times) == 10
    assert client.pause_schedule(project, "hourly", "until Monday").pause_reason == "until Monday"
    assert client.trigger_schedule(project, "hourly").result(timeout=60) == 4
    assert not client.resume_schedule(project, "hourly").is_paused
    now = datetime.now(UTC)
    filled = client.backfill_schedule(project, "hourly", now - 2 * HOUR, now)
    assert filled.times >= 2
    assert [client.invocation(one).result(timeout=60) for one in filled.invocation_ids] == [4] * filled.times
    client.delete_schedule(project, "hourly")
    with pytest.raises(cp.Refused, match="A schedule with this name does not exist"):
        client.schedule(project, "hourly")


def test_what_is_wrong_is_said(client: cp.Client, project: str) -> None:
    with pytest.raises(cp.Refused, match="Bad hour"):
        client.set_schedule(project, "s", "double", cp.Cron("0 24 * * *", input={"number": 1}))
    with pytest.raises(cp.Refused, match=r"double\(\) lacks the argument number"):
        client.set_schedule(project, "s", "double", cp.Every(60))
    assert client.schedules(project) == []


async def test_the_same_with_an_event_loop(access: StackAccess, project: str) -> None:
    async with cp.AsyncClient(access.api_url, access.api_key) as client:
        await client.set_schedule(project, "often", "double", cp.Every(3_600, input={"number": 3}))
        assert (await client.schedule(project, "often")).every_seconds == 3_600
        await client.pause_schedule(project, "often")
        assert await (await client.trigger_schedule(project, "often")).result(timeout=60) == 6
        await client.resume_schedule(project, "often")
        now = datetime.now(UTC).timestamp()
        assert (await client.backfill_schedule(project, "often", now - 3_600, now)).times in (1, 2)
        await client.delete_schedule(project, "often")
        assert await client.schedules(project) == []
