"""The policies grant what the code calls, and nothing else."""

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from control_plane_server.domain.containers import Container
from control_plane_server.domain.entities import Function
from control_plane_server.domain.identifiers import ExecutionId, ProjectName
from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.ecs import factory as opening
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from tests.aws.control import Control
from tests.aws.process import StandIn
from tests.aws.wire import EC2_PROVIDER
from tests.provisioners.ecs.builders import container_request
from tests.provisioners.ecs.conftest import LONG_AGO, NOW

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "iam_permissions"
CODE = ROOT / "control_plane_server" / "provisioners" / "ecs"
SERVICES = ("ecs", "logs", "ecr", "sqs")

# What IAM asks for beside the action itself, or under another name: the service authorization reference.
ALSO_NEEDED = {
    "ecs:RegisterTaskDefinition": {"iam:PassRole", "ecs:TagResource"},
    "ecs:RunTask": {"iam:PassRole", "ecs:TagResource"},
}
# What `control_plane_server/blobs` does by obstore, and lets clients and containers do by requests that it signs.
# Without ListBucket, S3 says of what is not there that it is forbidden.
KEEPING_BLOBS = {"s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:ListBucket"}

OTHERWISE_NAMED = {"sqs:DeleteMessageBatch": "sqs:DeleteMessage"}

# What a Docker client does with the credentials that users get. ECR user guide, "IAM permissions for pushing an image".
PUSHING = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",  # to see what is there already
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
}

# What Fargate does with the execution role for an image of ECR and the log driver awslogs.
STARTING_A_TASK = {
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((POLICIES / name).read_text())["Statement"]
    return found


def actions(name: str) -> list[str]:
    return [action for statement in statements(name) for action in _listed(statement["Action"])]


def statement_of(action: str) -> dict[str, Any]:
    (found,) = [one for one in statements("iam_policy.json") if action in _listed(one["Action"])]
    return found


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def calls_in_code() -> set[str]:
    """Every operation that is called on a client, as IAM names it."""
    return {call for file in CODE.glob("*.py") for call in _calls_in(ast.parse(file.read_text()))}


def _calls_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        client = node.func.value
        service = (client.attr if isinstance(client, ast.Attribute) else getattr(client, "id", "")).lstrip("_")
        if service not in SERVICES:
            continue
        method = node.func.attr
        if method == "get_paginator" and isinstance(node.args[0], ast.Constant):
            method = str(node.args[0].value)
        if method in OPERATIONS[service]:
            yield f"{service}:{OPERATIONS[service][method]}"


OPERATIONS: Mapping[str, Mapping[str, str]] = {
    service: {
        xform_name(name): name for name in botocore.session.get_session().get_service_model(service).operation_names
    }
    for service in SERVICES
}


@pytest.fixture
async def calls_made(
    stand_in: StandIn, chosen: EcsConfiguration, aws: Control, held: Function, execution_id: ExecutionId
) -> set[str]:
    """By everything that the code can do, with all options on."""
    configuration = replace(chosen, tags={"team": "search"})
    queue_url = stand_in.environment["ECS_EVENTS_QUEUE_URL"]
    async with (
        opening.open_ecs_provisioner(configuration) as provisioner,
        opening.open_task_events(configuration, queue_url=queue_url) as events,
    ):
        prepared = await provisioner.prepare(held)
        assert await provisioner.prepare(held) == prepared
        await provisioner.prepare(replace(held, platform=Platform(capacity=f"provider:{EC2_PROVIDER}")))
        request = container_request(prepared.identifier, execution_id=execution_id)
        container = Container(name=request.name, details=await provisioner.launch(request, age=NOW))
        await provisioner.launch(request, age=LONG_AGO)
        await provisioner.list_live_containers()
        await provisioner.stop(container)
        ended = events.receive()
        while container.details.identifier not in await anext(ended):
            continue  # ends of other tests' tasks
        await provisioner.wait_for_exit(container)
        again = container_request(prepared.identifier, execution_id=execution_id, launch=2)
        await provisioner.stop(Container(name=again.name, details=await provisioner.launch(again, age=NOW)))
        await anext(ended)  # what was told before counts as told now
        await provisioner.read_logs(container.details, None, 10)
        assert await provisioner.built_images(ProjectName("nothing was built for it")) == ()
        await provisioner.remove_images(["registry/functions:gone-0123456789ab"])
        await provisioner.retire(prepared)
    return {f"{call.service}:{call.action}" for call in await aws.calls()}


async def test_the_policy_grants_exactly_what_is_called(calls_made: set[str]) -> None:
    assert calls_made == calls_in_code(), "this test makes every call that the code can make"
    needed = {OTHERWISE_NAMED.get(call, call) for call in calls_made}
    needed |= {more for call in calls_made for more in ALSO_NEEDED.get(call, ())}
    granted = actions("iam_policy.json")
    assert len(granted) == len(set(granted))
    assert set(granted) == needed | PUSHING | KEEPING_BLOBS


def test_the_execution_role_may_start_tasks_and_no_more() -> None:
    assert set(actions("execution_role_policy.json")) == STARTING_A_TASK


def test_it_reads_secrets_only_if_it_is_allowed_to_and_only_those_of_the_control_plane() -> None:
    assert actions("execution_role_secrets_policy.json") == ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
    resources = [one["Resource"] for one in statements("execution_role_secrets_policy.json")]
    assert all(resource.endswith("control-plane/*") for resource in resources)


def test_users_code_never_reaches_the_control_plane() -> None:
    (statement,) = statements("task_role_policy.json")
    assert statement["Effect"] == "Deny"
    assert {"ecs:*", "iam:*"} <= set(statement["Action"])


def test_everything_is_limited_as_far_as_it_can_be() -> None:
    cluster = "arn:PARTITION:ecs:REGION:ACCOUNT:cluster/CLUSTER_NAME"
    for action in ("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:ListTasks"):
        assert statement_of(action)["Condition"] == {"ArnEquals": {"ecs:cluster": cluster}}
    assert statement_of("iam:PassRole")["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }
    assert statement_of("iam:PassRole")["Resource"] == [
        *("TASK_ROLE_ARN", "EXECUTION_ROLE_ARN"),
        "arn:PARTITION:iam::ACCOUNT:role/control-plane-function-*",
    ]
    assert "ecs:CreateAction" in statement_of("ecs:TagResource")["Condition"]["StringEquals"]
    # These take no resource. Task definitions could be limited by name, but for listing and reading them.
    anywhere = {
        *("ecr:GetAuthorizationToken", "ecs:ListTasks", "ecs:TagResource"),
        *("ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition"),
        *("ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"),
    }
    assert {action for action in actions("iam_policy.json") if statement_of(action)["Resource"] == "*"} == anywhere


def test_the_page_fills_in_every_name(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "aws.md").read_text()
    (fill_in,) = re.findall(r"^mkdir filled\n.*?^done$", page, re.DOTALL | re.MULTILINE)
    names = {
        "PARTITION": "aws",
        "AWS_REGION": "eu-west-1",
        "ACCOUNT": "123456789012",
        "CLUSTER_NAME": "workers",
        "LOG_GROUP": "/workers",
        "BLOBS_BUCKET": "blobs",
        "QUEUE_NAME": "task-events",
        "CONTAINER_REPOSITORY_NAME": "functions",
        "TASK_ROLE_ARN": "arn:aws:iam::123456789012:role/task",
        "EXECUTION_ROLE_ARN": "arn:aws:iam::123456789012:role/execution",
    }
    (tmp_path / "iam_permissions").symlink_to(POLICIES)
    subprocess.run(["bash", "-euc", fill_in], cwd=tmp_path, env=os.environ | names, check=True)
    filled = sorted((tmp_path / "filled").iterdir())
    assert [file.name for file in filled] == sorted(file.name for file in POLICIES.iterdir())
    for file in filled:
        text = file.read_text()
        json.loads(json.loads(text).get("Policy", "{}"))  # a document within a document
        assert not re.findall(r"\b(?:REGION|ACCOUNT|PARTITION|[A-Z]+_[A-Z_]+)\b", text), file.name
