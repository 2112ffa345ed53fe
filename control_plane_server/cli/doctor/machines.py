"""Whether what functions may ask for of their machines is there on AWS: roles, and the cluster's capacity providers."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import aioboto3
from botocore.exceptions import BotoCoreError, ClientError

from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.ecs.calls import PATIENCE, code_and_message, is_denied
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.platforms import wanted_providers

if TYPE_CHECKING:
    from types_aiobotocore_iam import IAMClient


async def check_roles(session: aioboto3.Session, configuration: EcsConfiguration) -> list[Check]:
    """One line for all that are there; nothing where functions may ask for none."""
    if not configuration.allowed_task_role_arns:
        return []
    async with session.client("iam", config=PATIENCE) as iam:
        found = {role: await _problem_of(iam, role) for role in configuration.allowed_task_role_arns}
    problems = [problem for problem in found.values() if problem is not None]
    there = [role for role, problem in found.items() if problem is None]
    return [*problems, ok("task roles", f"{len(there)} of {len(found)} are there")] if there else problems


async def _problem_of(iam: "IAMClient", role: str) -> Check | None:
    """None if it is there."""
    name = f"task role {role.rpartition('/')[2]}"
    try:
        answer = await iam.get_role(RoleName=role.rpartition("/")[2])
    except ClientError as error:
        if is_denied(error):
            return unknown(name, "could not be checked", "not needed to run; iam:GetRole would tell")
        if code_and_message(error)[0] == "NoSuchEntity":
            return failed(name, "there is none", f"make {role}, or take it out of ECS_ALLOWED_TASK_ROLE_ARNS")
        return unknown(name, " ".join(str(error).split()))
    except (BotoCoreError, OSError) as error:
        return unknown(name, " ".join(str(error).split()))
    if answer["Role"]["Arn"] != role:
        return failed(name, f"it is {answer['Role']['Arn']}", "name it so in ECS_ALLOWED_TASK_ROLE_ARNS")
    return None


def check_providers(
    configuration: EcsConfiguration, *, of_cluster: Collection[str], has_default: bool, named: Collection[str] | None
) -> list[Check]:
    """`named`: by the newest versions; None: not known."""
    checks = []
    wanted = {provider.name for provider in configuration.capacity_providers}
    wanted.update(wanted_providers(Platform(capacity=configuration.default_capacity)))
    if not wanted and not has_default:
        checks.append(
            failed("capacity", "the cluster has no default strategy", "give it one, or set ECS_CAPACITY_PROVIDERS")
        )
    missing = sorted(wanted - set(of_cluster))
    if missing:
        setting = "ECS_CAPACITY_PROVIDERS" if configuration.default_capacity is None else "ECS_DEFAULT_CAPACITY"
        advice = f"aws ecs put-cluster-capacity-providers, or change {setting}"
        checks.append(failed("capacity", f"the cluster has no {', '.join(missing)}", advice))
    if named is None:
        checks.append(unknown("capacity of functions", "the catalog could not be asked"))
    elif missing := sorted(set(named) - set(of_cluster)):
        advice = "aws ecs put-cluster-capacity-providers, or deploy them with another capacity"
        checks.append(failed("capacity of functions", f"the cluster has no {', '.join(missing)}", advice))
    return checks or [ok("capacity", "the cluster has what is named")]
