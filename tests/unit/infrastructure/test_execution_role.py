"""What ECS does with the execution role for the containers that the code defines, and whether the role may."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from control_plane_server.provisioners.ecs.requests import task_definition
from tests.aws.policies import Need, Policies
from tests.aws.template import Template
from tests.provisioners.ecs.builders import configuration, function

ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
CHOSEN = replace(configuration(), runtime_image=f"{REGISTRY}/control-plane-runtime:1")
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": ACCOUNT,
    "WorkersLog": CHOSEN.log_group,
    "FunctionsRepository": CHOSEN.repository_name,
    "RuntimeRepository.Arn": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/control-plane-runtime",
}
PULLING = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PLAIN = function(docker_image=f"{REGISTRY}/{CHOSEN.repository_name}:a")
SECRETS = {
    "PASSWORD": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:control-plane/password-AbCdEf",
    "LEVEL": f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/control-plane/level",
}


def policies() -> Policies:
    role = Template(values=VALUES).resources["ExecutionRole"]["Properties"]
    return Policies([policy["PolicyDocument"] for policy in role["Policies"]])


def needs_of_starting(definition: Any) -> Iterator[Need]:
    """Amazon ECS developer guide, "Amazon ECS task execution IAM role"."""
    yield Need("ecr:GetAuthorizationToken", "*")
    for container in definition["containerDefinitions"]:
        repository = container["image"].removeprefix(f"{REGISTRY}/").partition(":")[0]
        for action in PULLING:
            yield Need(action, f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{repository}")
        log = container["logConfiguration"]["options"]
        stream = f"{log['awslogs-stream-prefix']}/{container['name']}/{'0' * 32}"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            group = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{log['awslogs-group']}"
            yield Need(action, f"{group}:log-stream:{stream}")
        for secret in container.get("secrets", []):
            is_parameter = ":ssm:" in secret["valueFrom"]
            yield Need("ssm:GetParameters" if is_parameter else "secretsmanager:GetSecretValue", secret["valueFrom"])


@pytest.mark.parametrize(
    ("started", "containers"),
    [(PLAIN, 1), (replace(PLAIN, command=("python3", "main.py")), 2), (replace(PLAIN, secrets=SECRETS), 1)],
)
def test_the_role_may_start_what_the_code_defines(started: Any, containers: int) -> None:
    definition = task_definition(started, CHOSEN)
    assert len(definition["containerDefinitions"]) == containers
    needs = list(needs_of_starting(definition))
    assert [need.action for need in needs if policies().refusal(need) is not None] == []


@pytest.mark.parametrize(
    "need",
    [
        Need("ecr:BatchGetImage", f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/others"),
        Need("logs:PutLogEvents", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/workers:log-stream:other/main/1"),
        Need("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:billing-AbCdEf"),
        Need("ecs:RunTask", "*"),
    ],
)
def test_nothing_else(need: Need) -> None:
    assert policies().refusal(need) is not None


def test_users_code_may_not_reach_the_control_plane_whatever_else_it_may() -> None:
    role = Template(values=VALUES).resources["TaskRole"]["Properties"]
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    theirs = Policies([everything, *(policy["PolicyDocument"] for policy in role["Policies"])])
    for action in ("ecs:StopTask", "iam:PassRole", "sts:AssumeRole"):
        assert theirs.refusal(Need(action, "arn")) == "with an explicit deny in an identity-based policy"
    assert theirs.refusal(Need("s3:GetObject", "arn")) is None
