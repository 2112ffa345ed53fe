"""The shipped policy and the calls that need it: each is allowed, and none is without the action that it needs."""

from typing import Any

import pytest

from tests.aws.needs import Place, needs_of
from tests.aws.object_needs import object_needs
from tests.aws.policies import Need, Policies
from tests.aws.template import Template

ACCOUNT = "arn:aws:{}:eu-west-1:123456789012:"
DEFINITION = ACCOUNT.format("ecs") + "task-definition/multinode-worker-1:1"
TASK_ROLE = "arn:aws:iam::123456789012:role/control-plane-task"
EXECUTION_ROLE = "arn:aws:iam::123456789012:role/control-plane-execution"
PLACE = Place(
    region="eu-west-1", account="123456789012", definition=lambda _: (DEFINITION, (TASK_ROLE, EXECUTION_ROLE))
)
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "Cluster": "main",
    "WorkersLog": "/workers",
    "FunctionsRepository": "functions",
    "BlobsBucket": "blobs",
    "TaskEvents.QueueName": "ends",
    "TaskRole.Arn": TASK_ROLE,
    "ExecutionRole.Arn": EXECUTION_ROLE,
}
POLICIES = Policies([Template(values=VALUES).resources["ControlPlanePolicy"]["Properties"]["PolicyDocument"]])

TAGS = [{"key": "a", "value": "b"}]
QUEUE = {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/ends"}
LOG = {"logGroupName": "/workers", "logStreamName": "ecs/main/1"}
RUN: dict[str, Any] = {"cluster": "main", "taskDefinition": DEFINITION, "tags": TAGS}
REGISTER: dict[str, Any] = {
    "family": "multinode-worker-1",
    "taskRoleArn": TASK_ROLE,
    "executionRoleArn": EXECUTION_ROLE,
    "tags": TAGS,
}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("ecs", "RunTask", RUN),
    ("ecs", "DescribeTasks", {"cluster": "main", "tasks": ["1", ACCOUNT.format("ecs") + "task/main/2"]}),
    ("ecs", "StopTask", {"cluster": "main", "task": "1"}),
    ("ecs", "ListTasks", {"cluster": ACCOUNT.format("ecs") + "cluster/main"}),
    ("ecs", "RegisterTaskDefinition", REGISTER),
    ("ecs", "DeregisterTaskDefinition", {"taskDefinition": DEFINITION}),
    ("ecs", "DescribeTaskDefinition", {"taskDefinition": DEFINITION}),
    ("ecs", "ListTaskDefinitions", {}),
    ("ecs", "DescribeCapacityProviders", {"capacityProviders": ["machines"]}),
    ("logs", "GetLogEvents", LOG),
    ("sqs", "ReceiveMessage", QUEUE),
    ("sqs", "DeleteMessageBatch", QUEUE),
    ("ecr", "GetAuthorizationToken", {}),
    *(
        ("ecr", action, {"repositoryName": "functions"})
        for action in ("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "InitiateLayerUpload")
    ),
    *(
        ("ecr", action, {"repositoryName": "functions"})
        for action in ("PutImage", "UploadLayerPart", "BatchDeleteImage", "ListImages")
    ),
]
OBJECTS: list[tuple[str, str]] = [(method, "/blobs/blobs/1") for method in ("GET", "HEAD", "PUT", "DELETE")]
OBJECTS += [("GET", "/blobs")]
NEEDS: list[list[Need]] = [
    *(needs_of(*call, PLACE) for call in CALLS),
    *(list(object_needs(*request, {})) for request in OBJECTS),
]


def refused(needs: list[Need], policies: Policies = POLICIES) -> list[str]:
    return [need.action for need in needs if policies.refusal(need) is not None]


@pytest.mark.parametrize("needs", NEEDS, ids=lambda needs: needs[0].action)
def test_every_call_is_allowed(needs: list[Need]) -> None:
    assert needs
    assert refused(needs) == []


@pytest.mark.parametrize("action", POLICIES.actions)
def test_every_action_of_the_policy_is_needed_by_a_call(action: str) -> None:
    fewer = POLICIES.without(action)
    assert any(action in refused(needs, fewer) for needs in NEEDS)


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        (("ecs", "RunTask", RUN | {"cluster": "other"}), ["ecs:RunTask"]),
        (("ecs", "RunTask", RUN | {"overrides": {"taskRoleArn": TASK_ROLE + "-admin"}}), ["iam:PassRole"]),
        (("ecs", "StopTask", {"cluster": "other", "task": "1"}), ["ecs:StopTask"]),
        (("ecs", "StopTask", {"cluster": "main", "task": ACCOUNT.format("ecs") + "task/other/1"}), ["ecs:StopTask"]),
        (("ecs", "ListTasks", {"cluster": "other"}), ["ecs:ListTasks"]),
        (("ecs", "RegisterTaskDefinition", REGISTER | {"taskRoleArn": TASK_ROLE + "-admin"}), ["iam:PassRole"]),
        (("ecs", "TagResource", {"resourceArn": DEFINITION}), ["ecs:TagResource"]),
        (("ecs", "DeleteCluster", {"cluster": "main"}), ["ecs:DeleteCluster"]),
        (("logs", "GetLogEvents", LOG | {"logStreamName": "ecs/other/1"}), ["logs:GetLogEvents"]),
        (("logs", "GetLogEvents", LOG | {"logGroupName": "/aws/lambda"}), ["logs:GetLogEvents"]),
        (("sqs", "ReceiveMessage", {"QueueUrl": "https://sqs/123456789012/others"}), ["sqs:ReceiveMessage"]),
        (("ecr", "PutImage", {"repositoryName": "others"}), ["ecr:PutImage"]),
    ],
)
def test_nothing_else_is_allowed(call: tuple[str, str, dict[str, Any]], missing: list[str]) -> None:
    assert refused(needs_of(*call, PLACE)) == missing


def test_roles_that_functions_may_ask_for_are_passed() -> None:
    role = "arn:aws:iam::123456789012:role/control-plane-function-reports"
    assert refused(needs_of("ecs", "RunTask", RUN | {"overrides": {"taskRoleArn": role}}, PLACE)) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "missing"),
    [
        ("GET", "/others/1", {}, ["s3:GetObject"]),
        ("GET", "/others", {}, ["s3:ListBucket"]),
        ("POST", "/blobs", {"delete": ""}, []),
        ("PUT", "/blobs", {}, ["s3:PUT"]),
    ],
)
def test_objects(method: str, path: str, query: dict[str, str], missing: list[str]) -> None:
    assert refused(list(object_needs(method, path, query))) == missing


def test_who_may_do_nothing_may_ask_who_they_are() -> None:
    assert needs_of("sts", "GetCallerIdentity", {}, PLACE) == []
