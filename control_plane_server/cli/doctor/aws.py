"""Whether an AWS account lets us do what the ecs provisioner does, without changing anything in it.

Reads are tried on things that do not exist: a refusal for want of a permission comes before "not found". What would
change something is asked of IAM's simulator, for which we may lack the permission, too: then it stays unknown.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

import aioboto3
from botocore.exceptions import BotoCoreError, ClientError

from control_plane_server.cli.doctor.answers import NO_ANSWER, could_not_tell, one_line
from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.cli.doctor.machines import check_providers, check_roles
from control_plane_server.cli.doctor.network import check_subnets
from control_plane_server.cli.doctor.permissions import FAMILY, POLICY, check_permissions
from control_plane_server.cli.doctor.quotas import check_quotas
from control_plane_server.cli.doctor.task_events import check_task_events
from control_plane_server.domain.demands import Demand
from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.ecs.calls import PATIENCE, code_and_message, is_denied
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.platforms import FARGATE, wanted_providers

if TYPE_CHECKING:
    from types_aiobotocore_ecr import ECRClient
    from types_aiobotocore_ecs import ECSClient
    from types_aiobotocore_logs import CloudWatchLogsClient

_NOWHERE = "00000000000000000000000000000000"
_IDENTITY_SECONDS = 30.0
_CREDENTIALS = "set AWS_REGION and credentials where boto3 finds them"


async def check_account(configuration: EcsConfiguration, *, demands: Sequence[Demand] | None) -> list[Check]:
    """`demands`: of the newest versions; None: not known."""
    session = aioboto3.Session(region_name=configuration.region)
    try:
        # Looking for credentials, on a machine that has none, waits for services that are not there.
        async with asyncio.timeout(_IDENTITY_SECONDS), session.client("sts", config=PATIENCE) as sts:
            identity = await sts.get_caller_identity()
    except TimeoutError:
        return [failed("AWS", f"no answer within {_IDENTITY_SECONDS:g} s", _CREDENTIALS)]
    except NO_ANSWER as error:
        return [failed("AWS", one_line(error), _CREDENTIALS)]
    who = ok("AWS", f"{identity['Arn']} in {configuration.region}")
    async with (
        session.client("ecs", config=PATIENCE) as ecs,
        session.client("logs", config=PATIENCE) as logs,
        session.client("ecr", config=PATIENCE) as ecr,
    ):
        cluster_checks, default_providers = await _cluster(ecs, configuration, demands)
        reads = [
            *cluster_checks,
            *await _tasks(ecs, configuration, identity["Arn"]),
            await _log_group(logs, configuration.log_group),
            await _read_logs(logs, configuration.log_group),
            await _registry(ecr),
        ]
    return [
        who,
        *reads,
        await check_subnets(session, configuration, demands),
        *await check_quotas(session, configuration, demands or (), default_providers=default_providers),
        *await check_task_events(session, configuration, identity["Arn"]),
        *await check_roles(session, configuration),
        *await check_permissions(session, configuration, identity["Arn"]),
    ]


async def _cluster(
    ecs: "ECSClient", configuration: EcsConfiguration, demands: Sequence[Demand] | None
) -> tuple[list[Check], list[str]]:
    """And the providers of its default strategy; Fargate's own, where that may not be looked at."""
    name = f"ECS cluster {configuration.cluster}"
    try:
        answer = await ecs.describe_clusters(clusters=[configuration.cluster])
    except NO_ANSWER as error:
        return [could_not_tell(name, error, action="ecs:DescribeClusters")], [FARGATE]
    active = [found for found in answer["clusters"] if found.get("status") == "ACTIVE"]
    if not active:
        return [failed(name, "there is none", "make it, or set CLUSTER_NAME")], []
    strategy = active[0].get("defaultCapacityProviderStrategy", [])
    capacity = check_providers(
        configuration,
        of_cluster=active[0].get("capacityProviders", []),
        has_default=bool(strategy),
        named=None if demands is None else _named_providers(demands),
    )
    weighed = [one["capacityProvider"] for one in strategy if one.get("weight") or one.get("base")]
    return [ok(name, "active"), *capacity], weighed


def _named_providers(demands: Sequence[Demand]) -> frozenset[str]:
    return frozenset(name for one in demands for name in wanted_providers(Platform(capacity=one.capacity)))


async def _tasks(ecs: "ECSClient", configuration: EcsConfiguration, caller: str) -> list[Check]:
    cluster = configuration.cluster
    partition, account = caller.split(":")[1], caller.split(":")[4]
    task = f"arn:{partition}:ecs:{configuration.region}:{account}:task/{cluster}/{_NOWHERE}"
    return [
        await _allowed("ecs:ListTasks", ecs.list_tasks(cluster=cluster, startedBy=FAMILY)),
        await _allowed("ecs:DescribeTasks", ecs.describe_tasks(cluster=cluster, tasks=[task])),
        await _allowed("ecs:StopTask", ecs.stop_task(cluster=cluster, task=task), not_found="InvalidParameter"),
        await _allowed("ecs:ListTaskDefinitions", ecs.list_task_definitions(familyPrefix=FAMILY)),
        await _allowed(
            "ecs:DescribeTaskDefinition",
            ecs.describe_task_definition(taskDefinition=FAMILY),
            not_found="ClientException",
        ),
    ]


async def _log_group(logs: "CloudWatchLogsClient", log_group: str) -> Check:
    name = f"log group {log_group}"
    try:
        answer = await logs.describe_log_groups(logGroupNamePrefix=log_group)
    except NO_ANSWER as error:
        return could_not_tell(name, error, action="logs:DescribeLogGroups")
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
        return unknown(action, one_line(error))
    return ok(action, "allowed")


def _refused(action: str, error: ClientError) -> Check:
    if is_denied(error):
        return failed(action, "denied", POLICY)
    return unknown(action, one_line(error))
