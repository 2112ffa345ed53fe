"""How often tasks are polled, with events and without."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from control_plane_server.provisioners.ecs.client import EcsClient
from control_plane_server.provisioners.ecs.tasks import TaskWatch

ARN = "arn:aws:ecs:eu-west-1:123456789012:task/workers/1"
MINUTE = timedelta(minutes=1)


class Ended:
    """A client that finds one task, which has stopped."""

    def __init__(self, *, ago: timedelta) -> None:
        self._stopped_at = datetime.now(UTC) - ago

    async def describe_tasks(self, _arns: list[str]) -> list[dict[str, Any]]:
        return [{"taskArn": ARN, "lastStatus": "STOPPED", "stoppedAt": self._stopped_at}]


def watch(*, ago: timedelta = timedelta()) -> TaskWatch:
    return TaskWatch(cast("EcsClient", Ended(ago=ago)))


def test_tasks_are_polled_until_events_are_heard_and_again_when_they_are_not() -> None:
    it = watch()
    assert it._interval(300) == timedelta(seconds=2)
    it.rely_on_events(are_heard=True)
    assert it._interval(300) == MINUTE
    it.rely_on_events(are_heard=False)
    assert it._interval(300) == timedelta(seconds=2)


@pytest.mark.parametrize(("ago", "interval"), [(timedelta(seconds=5), MINUTE), (MINUTE, timedelta(seconds=0.5))])
async def test_an_old_end_of_which_no_event_told_makes_polling_go_on(ago: timedelta, interval: timedelta) -> None:
    it = watch(ago=ago)
    it.rely_on_events(are_heard=True)
    assert await it._describe(frozenset({ARN}))
    assert it._interval(1) == interval
    it.rely_on_events(are_heard=True)
    assert it._interval(1) == MINUTE, "until the next event"
