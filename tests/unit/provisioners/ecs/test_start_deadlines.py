"""Which tasks have not started for too long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control_plane_server.provisioners.ecs.start_deadlines import is_stuck

FARGATE = {"launchType": "FARGATE", "desiredStatus": "RUNNING"}
SPOT = {"capacityProviderName": "FARGATE_SPOT", "desiredStatus": "RUNNING"}
OWN = {"capacityProviderName": "machines", "desiredStatus": "RUNNING"}
NOW = datetime.now(UTC)
PULLING = {"pullStartedAt": NOW}
PULLED = {"pullStartedAt": NOW, "pullStoppedAt": NOW}


@pytest.mark.parametrize(
    ("status", "minutes", "task", "expected"),
    [
        ("PROVISIONING", 9, FARGATE, False),
        ("PROVISIONING", 11, FARGATE, True),
        ("PENDING", 11, SPOT, True),
        ("ACTIVATING", 11, FARGATE | PULLED, True),
        ("PENDING", 11, FARGATE | PULLING, False),
        ("PENDING", 31, FARGATE | PULLING, True),
        ("PROVISIONING", 11, OWN, False),
        ("PROVISIONING", 31, OWN, True),
        ("RUNNING", 60, FARGATE | {"startedAt": NOW}, False),
        ("ACTIVATING", 60, FARGATE | {"startedAt": NOW}, False),
        ("PENDING", 60, FARGATE | {"desiredStatus": "STOPPED"}, False),
        ("DEPROVISIONING", 60, FARGATE, False),
    ],
)
def test_what_is_stuck(status: str, minutes: int, task: dict[str, object], expected: bool) -> None:
    it: Any = {"lastStatus": status, "createdAt": datetime.now(UTC) - timedelta(minutes=minutes), **task}
    assert is_stuck(it) is expected


def test_a_task_of_which_nothing_is_told_is_not_stuck() -> None:
    assert not is_stuck({})
