"""Whether an AWS account lets us do what the ecs provisioner does, without changing anything in it.

Reads are tried on things that do not exist: a refusal for want of a permission comes before "not found". What would
change something is asked of IAM's simulator, for which we may lack the permission, too: then it stays unknown.
"""

import re
from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING

import aioboto3
from botocore.exceptions import BotoCoreError, ClientError

from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.cli.doctor.machines import check_providers, check_roles
from control_plane_server.provisioners.ecs.calls import PATIENCE, code_and_message, is_denied
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration

if TYPE_CHECKING:
    from types_aiobotocore_ecr import ECRClient
    from types_aiobotocore_ecs import ECSClient
    from types_aiobotocore_logs import CloudWatchLogsClient

_NOWHERE = "00000000000000000000000000000000"
_FAMILY = "multinode-worker-doctor"  # those of functions have one more part
_POLICY = "give it iam_permissions/iam_policy.json"
_CHANGES = ("ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "ecs:RunTask", "iam:PassRole")
_ASSUMED_ROLE = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*")


async def check_account(configuration: EcsConfiguration, *, named_providers: Collection[str] | None) -> list[Check]:
    """`named_providers`: those that functions ask for; None: not known."""
    session = aioboto3.Session(region_name=configuration.region)
    try:
        async with session.client("sts", config=PATIENCE) as sts:
            identity = await sts.get_caller_identity()
    except (BotoCoreError, ClientError, OSError) as error:
        return [failed("AWS", _one_line(error), "set AWS_REGION and credentials where boto3 finds them")]
    who = ok("AWS", f"{identity['Arn']} in {configuration.region}")
    async with (
        session.client("ecs", config=PATIENCE) as ecs,
        session.client("logs", config=PATIENCE) as logs,
        session.client("ecr", config=PATIENCE) as ecr,
    ):
        reads = [
            *await _cluster(ecs, configuration, named_providers),
            *await _tasks(ecs, configuration, account=identity["Account"]),
            await _log_group(logs, configuration.log_group),
            await _read_logs(logs, configuration.log_group),
            await _registry(ecr),
        ]
    return [
        who,
        *reads,
        *await check_roles(session, configuration),
        *await _changes(session, configuration, identity["Arn"]),
    ]


async def _cluster(ecs: "ECSClient", configuration: EcsConfiguration, named: Collection[str] | None) -> list[Check]:
    name = f"ECS cluster {configuration.cluster}"
    try:
        answer = await ecs.describe_clusters(clusters=[configuration.cluster])
    except ClientError as error:
        if is_denied(error):
            return [unknown(name, "its state may not be read", "not needed to run; ecs:DescribeClusters would tell")]
        return [failed(name, _one_line(error), "set CLUSTER_NAME and AWS_REGION")]
    except (BotoCoreError, OSError) as error:
        return [failed(name, _one_line(error), "see whether AWS is reached from here")]
    active = [found for found in answer["clusters"] if found.get("status") == "ACTIVE"]
    if not active:
        return [failed(name, "there is none", "make it, or set CLUSTER_NAME")]
    capacity = check_providers(
        configuration,
        of_cluster=active[0].get("capacityProviders", []),
        has_default=bool(active[0].get("defaultCapacityProviderStrategy")),
        named=named,
    )
    return [ok(name, "active"), *capacity]


async def _tasks(ecs: "ECSClient", configuration: EcsConfiguration, *, account: str) -> list[Check]:
    cluster = configuration.cluster
    task = f"arn:aws:ecs:{configuration.region}:{account}:task/{cluster}/{_NOWHERE}"
    return [
        await _allowed("ecs:ListTasks", ecs.list_tasks(cluster=cluster, startedBy=_FAMILY)),
        await _allowed("ecs:DescribeTasks", ecs.describe_tasks(cluster=cluster, tasks=[task])),
        await _allowed("ecs:StopTask", ecs.stop_task(cluster=cluster, task=task), not_found="InvalidParameter"),
        await _allowed("ecs:ListTaskDefinitions", ecs.list_task_definitions(familyPrefix=_FAMILY)),
        await _allowed(
            "ecs:DescribeTaskDefinition",
            ecs.describe_task_definition(taskDefinition=_FAMILY),
            not_found="ClientException",
        ),
    ]


async def _log_group(logs: "CloudWatchLogsClient", log_group: str) -> Check:
    name = f"log group {log_group}"
    try:
        answer = await logs.describe_log_groups(logGroupNamePrefix=log_group)
    except ClientError as error:
        if is_denied(error):
            return unknown(name, "it may not be looked for", "not needed to run; logs:DescribeLogGroups would tell")
        return unknown(name, _one_line(error))
    except (BotoCoreError, OSError) as error:
        return unknown(name, _one_line(error))
    if any(group.get("logGroupName") == log_group for group in answer["logGroups"]):
        return ok(name, "there")
    return failed(name, "there is none", "make it, or set LOG_GROUP")


async def _read_logs(logs: "CloudWatchLogsClient", log_group: str) -> Check:
    call = logs.get_log_events(logGroupName=log_group, logStreamName=f"ecs/main/{_NOWHERE}", limit=1)
    return await _allowed("logs:GetLogEvents", call, not_found="ResourceNotFound")


async def _registry(ecr: "ECRClient") -> Check:
    return await _allowed("ecr:GetAuthorizationToken", ecr.get_authorization_token())


async def _allowed(action: str, call: Awaitable[object], *, not_found: str | None = None) -> Check:
    """`not_found`: the code, or its beginning, of the error that says that there is no such thing."""
    try:
        await call
    except ClientError as error:
        code, _ = code_and_message(error)
        is_missing = not_found is not None and code.startswith(not_found) and not is_denied(error)
        return ok(action, "allowed") if is_missing else _refused(action, error)
    except (BotoCoreError, OSError) as error:
        return unknown(action, _one_line(error))
    return ok(action, "allowed")


async def _changes(session: aioboto3.Session, configuration: EcsConfiguration, caller: str) -> list[Check]:
    roles = [
        configuration.task_role_arn,
        configuration.execution_role_arn,
        *configuration.allowed_task_role_arns,
    ]
    where = f"arn:aws:ecs:{configuration.region}:{caller.split(':')[4]}"
    resources = {"ecs:RunTask": [f"{where}:task-definition/{_FAMILY}:1"], "iam:PassRole": roles}
    context = [
        ("ecs:cluster", f"{where}:cluster/{configuration.cluster}"),
        ("iam:PassedToService", "ecs-tasks.amazonaws.com"),
    ]
    checks = []
    async with session.client("iam", config=PATIENCE) as iam:
        for action in _CHANGES:
            try:
                answer = await iam.simulate_principal_policy(
                    PolicySourceArn=_principal(caller),
                    ActionNames=[action],
                    ResourceArns=resources.get(action, ["*"]),
                    ContextEntries=[
                        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                        for key, value in context
                    ],
                )
            except (BotoCoreError, ClientError, OSError):
                finding = (
                    "only iam:SimulatePrincipalPolicy, which is not ours to use, could tell without changing anything"
                )
                checks.append(unknown(action, finding, f"a deployment will tell; {_POLICY}"))
                continue
            is_allowed = all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])
            checks.append(ok(action, "allowed") if is_allowed else failed(action, "denied", _POLICY))
    return checks


def _principal(caller: str) -> str:
    """The user or role whose policies count. A role's path is not in its sessions' names: then IAM finds none."""
    session = _ASSUMED_ROLE.fullmatch(caller)
    return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}" if session else caller


def _refused(action: str, error: ClientError) -> Check:
    if is_denied(error):
        return failed(action, "denied", _POLICY)
    return unknown(action, _one_line(error))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
