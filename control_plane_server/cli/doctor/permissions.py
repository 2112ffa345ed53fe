"""Whether what changes something is allowed. IAM's simulator is asked, so that nothing changes. We may lack the
permission to ask it, too: then it stays unknown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aioboto3

from control_plane_server.cli.doctor.answers import NO_ANSWER
from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.provisioners.ecs.calls import PATIENCE
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration

POLICY = "give it iam_permissions/iam_policy.json"
FAMILY = "multinode-worker-doctor"  # those of functions have one more part

_ASSUMED_ROLE = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether an action is allowed on all of these resources."""

    action: str
    resources: Sequence[str] = ("*",)
    context: Mapping[str, str] = field(default_factory=dict)


async def check_permissions(session: aioboto3.Session, configuration: EcsConfiguration, caller: str) -> list[Check]:
    """`caller`: the ARN of who we are."""
    checks = []
    async with session.client("iam", config=PATIENCE) as iam:
        for question in questions(configuration, caller):
            try:
                answer = await iam.simulate_principal_policy(
                    PolicySourceArn=_principal(caller),
                    ActionNames=[question.action],
                    ResourceArns=question.resources,
                    ContextEntries=[
                        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                        for key, value in question.context.items()
                    ],
                )
            except NO_ANSWER:
                finding = "only iam:SimulatePrincipalPolicy could tell without changing anything"
                advice = f"a deployment will tell; {POLICY}, and to ask beforehand doctor_policy.json"
                checks.append(unknown(question.action, finding, advice))
                continue
            results = answer["EvaluationResults"]
            denied = sorted(one["EvalResourceName"] for one in results if one["EvalDecision"] != "allowed")
            if denied:
                checks.append(failed(question.action, f"denied for {', '.join(denied)}", POLICY))
            else:
                checks.append(ok(question.action, "allowed"))
    return checks


def questions(configuration: EcsConfiguration, caller: str) -> list[Question]:
    """All that the control plane does and that cannot be tried."""
    partition, account = caller.split(":")[1], caller.split(":")[4]
    where = f"arn:{partition}:ecs:{configuration.region}:{account}"
    definition = f"{where}:task-definition/{FAMILY}:1"
    roles = (configuration.task_role_arn, configuration.execution_role_arn, *configuration.allowed_task_role_arns)
    asked = [
        Question(action="ecs:RegisterTaskDefinition"),
        Question(action="ecs:DeregisterTaskDefinition"),
        Question(
            action="ecs:RunTask",
            resources=[definition],
            context={"ecs:cluster": f"{where}:cluster/{configuration.cluster}"},
        ),
        Question(action="ecs:TagResource", resources=[definition], context={"ecs:CreateAction": "RunTask"}),
        Question(action="iam:PassRole", resources=roles, context={"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ]
    if configuration.events_queue_url is not None:
        queue = configuration.events_queue_url.rpartition("/")[2]
        arn = f"arn:{partition}:sqs:{configuration.region}:{account}:{queue}"
        asked += [Question(action=f"sqs:{each}Message", resources=[arn]) for each in ("Receive", "Delete")]
    return asked


def _principal(caller: str) -> str:
    """The user or role whose policies count. A role's path is not in its sessions' names: then IAM finds none."""
    session = _ASSUMED_ROLE.fullmatch(caller)
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}" if session else caller
