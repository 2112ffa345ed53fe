"""The template has the very statements of iam_permissions/, and the queue and the rule that stand there."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.aws.template import Template

POLICIES = Path(__file__).parents[3] / "iam_permissions"
# What the files have where names go.
PLACEHOLDERS = {
    "AWS::Partition": "PARTITION",
    "AWS::Region": "REGION",
    "AWS::AccountId": "ACCOUNT",
    "Cluster": "CLUSTER_NAME",
    "WorkersLog": "LOG_GROUP",
    "FunctionsRepository": "CONTAINER_REPOSITORY_NAME",
    "BlobsBucket": "BLOBS_BUCKET",
    "TaskEvents.QueueName": "QUEUE_NAME",
    "TaskRole.Arn": "TASK_ROLE_ARN",
    "ExecutionRole.Arn": "EXECUTION_ROLE_ARN",
}


def document(name: str) -> Any:
    return json.loads((POLICIES / name).read_text())


def properties(resource: str) -> dict[str, Any]:
    found: dict[str, Any] = Template(values=PLACEHOLDERS).resources[resource]["Properties"]
    return found


def policy_of(role: str, name: str) -> Any:
    (found,) = [one["PolicyDocument"] for one in properties(role)["Policies"] if one["PolicyName"] == name]
    return found


def test_the_control_plane() -> None:
    assert properties("ControlPlanePolicy")["PolicyDocument"] == document("iam_policy.json")


def test_the_doctor() -> None:
    assert properties("DoctorPolicy")["PolicyDocument"] == document("doctor_policy.json")


@pytest.mark.parametrize(
    ("role", "policy", "file"),
    [
        ("ExecutionRole", "control-plane", "execution_role_policy.json"),
        ("ExecutionRole", "control-plane-secrets", "execution_role_secrets_policy.json"),
        ("TaskRole", "control-plane", "task_role_policy.json"),
    ],
)
def test_roles_of_containers(role: str, policy: str, file: str) -> None:
    assert policy_of(role, policy) == document(file)


@pytest.mark.parametrize("role", ["ExecutionRole", "TaskRole"])
def test_who_may_take_a_role(role: str) -> None:
    assert properties(role)["AssumeRolePolicyDocument"] == document("ecs_tasks_trust_policy.json")


def test_the_queue() -> None:
    attributes = document("task_events_queue.json")
    assert properties("TaskEventsPolicy")["PolicyDocument"] == json.loads(attributes["Policy"])
    assert str(properties("TaskEvents")["MessageRetentionPeriod"]) == attributes["MessageRetentionPeriod"]


def test_the_rule() -> None:
    rule = properties("TaskEventsRule")
    assert rule["EventPattern"] == document("task_events_rule.json")
    assert (rule["State"], rule["Name"]) == ("ENABLED", properties("TaskEvents")["QueueName"])
    assert [target["Arn"] for target in rule["Targets"]] == ["<TaskEvents.Arn>"]


def test_functions_that_are_commands_get_their_runtime() -> None:
    (statement,) = policy_of("ExecutionRole", "control-plane-runtime")["Statement"]
    assert statement["Resource"] == "<RuntimeRepository.Arn>"
    pulling = next(one for one in document("execution_role_policy.json")["Statement"] if one["Sid"] == "PullImages")
    assert statement["Action"] == pulling["Action"]
