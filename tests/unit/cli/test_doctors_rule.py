"""Which rules of EventBridge tell of ended tasks."""

import json
from pathlib import Path
from typing import Any

import pytest

from control_plane_server.cli.doctor.task_events import lets_ends_through

CLUSTER = "arn:PARTITION:ecs:REGION:ACCOUNT:cluster/CLUSTER_NAME"
SHIPPED = json.loads((Path(__file__).parents[3] / "iam_permissions" / "task_events_rule.json").read_text())


@pytest.mark.parametrize(
    "pattern",
    [
        SHIPPED,
        {"source": ["aws.ecs"]},
        {"source": ["aws.ec2", "aws.ecs"], "detail": {"clusterArn": [CLUSTER, "another"]}},
        {"source": [{"prefix": "aws."}], "detail-type": ["ECS Task State Change"]},
    ],
)
def test_those_that_let_them_through(pattern: dict[str, Any]) -> None:
    assert lets_ends_through(pattern, CLUSTER)
    assert lets_ends_through(pattern, CLUSTER, status="DEPROVISIONING")


def test_one_that_tells_of_the_end_late() -> None:
    pattern = SHIPPED | {"detail": {"lastStatus": ["STOPPED"]}}
    assert lets_ends_through(pattern, CLUSTER)
    assert not lets_ends_through(pattern, CLUSTER, status="DEPROVISIONING")


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws.ec2"]},
        SHIPPED | {"detail-type": ["ECS Deployment State Change"]},
        SHIPPED | {"detail": {"clusterArn": [CLUSTER + "-2"]}},
        SHIPPED | {"detail": {"lastStatus": ["RUNNING"]}},
    ],
)
def test_those_that_do_not(pattern: dict[str, Any]) -> None:
    assert not lets_ends_through(pattern, CLUSTER)
