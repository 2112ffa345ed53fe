"""What the doctor asks IAM's simulator, against the shipped policy."""

import re
from dataclasses import replace

import pytest

from control_plane_server.cli.doctor.permissions import questions
from tests.aws.policies import Need, Policies
from tests.aws.template import Template
from tests.provisioners.ecs.builders import ROLE, configuration

CHOSEN = replace(configuration(), events_queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/ends")


def allowed(partition: str) -> set[str]:
    """By the policy in an account of such a partition."""
    values = {
        "AWS::Partition": partition,
        "AWS::Region": CHOSEN.region,
        "AWS::AccountId": "123456789012",
        "Cluster": CHOSEN.cluster,
        "TaskEvents.QueueName": "ends",
        "TaskRole.Arn": ROLE + "task",
        "ExecutionRole.Arn": ROLE + "execution",
    }
    document = Template(values=values).resources["ControlPlanePolicy"]["Properties"]["PolicyDocument"]
    policies = Policies([document])
    return {
        question.action
        for question in questions(CHOSEN, f"arn:{partition}:sts::123456789012:assumed-role/control-plane/1")
        if all(policies.refusal(Need(question.action, one, question.context)) is None for one in question.resources)
    }


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_shipped_policy_is_enough(partition: str) -> None:
    asked = {question.action for question in questions(CHOSEN, f"arn:{partition}:iam::123456789012:user/me")}
    assert allowed(partition) == asked
    assert {"iam:PassRole", "ecs:TagResource", "ecs:RunTask", "sqs:DeleteMessage"} <= asked


def test_without_a_queue_none_is_asked_about() -> None:
    asked = questions(configuration(), "arn:aws:iam::123456789012:user/me")
    assert not [question for question in asked if re.match("sqs:", question.action)]
