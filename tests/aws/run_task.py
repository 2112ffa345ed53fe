"""RunTask: what it refuses, and the tasks that it makes."""

import json
import re
import uuid

from tests.aws.account import Account, TaskDefinition
from tests.aws.capacity_providers import host_of
from tests.aws.client_tokens import ClientTokens
from tests.aws.errors import invalid_parameter
from tests.aws.faults import Faults
from tests.aws.registry import Registry
from tests.aws.task_definition_rules import check_tags
from tests.aws.tasks import Task
from tests.aws.wire import Document

_OVERRIDES_LIMIT = 8_192
_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{1,128}")
_CLIENT_TOKEN = re.compile(r"[\x21-\x7e]{1,64}")


class RunTask:
    def __init__(self, account: Account, registry: Registry, tokens: ClientTokens, faults: Faults) -> None:
        self._account = account
        self._registry = registry
        self._tokens = tokens
        self._faults = faults

    def __call__(self, request: Document) -> Document:
        """The answer, which says so where nothing can be placed. Raises AwsError."""
        cluster_arn = self._account.cluster_arn(request.get("cluster", "default"))
        token = request.get("clientToken")
        if token is not None:
            if not _CLIENT_TOKEN.fullmatch(token):
                raise invalid_parameter("clientToken must be 1 to 64 ASCII characters in the range of 33-126.")
            if (answer := self._tokens.replay(cluster_arn, token, request)) is not None:
                return answer
        definition = self._account.task_definition(request["taskDefinition"])
        tasks: list[Task] = []
        failures: list[Document] = []
        drafts = self._drafts(request, cluster_arn, definition)
        failure_reason = self._faults.lack_of_capacity(drafts[0].capacity_provider)
        if failure_reason is None:
            tasks = drafts
        else:
            failures = [{"reason": failure_reason} for _ in drafts]
        if token is not None:
            self._tokens.note(cluster_arn, token, request, tasks=tasks, failures=failures)
        for task in tasks:
            self._registry.start(task)
        return {"tasks": [task.describe(with_tags=True) for task in tasks], "failures": failures}

    def _drafts(self, request: Document, cluster_arn: str, definition: TaskDefinition) -> list[Task]:
        _check_identity(request)
        check_tags(request.get("tags", []))
        _check_overrides(request.get("overrides", {}), definition)
        count = request.get("count", 1)
        if not 1 <= count <= 10:
            raise invalid_parameter("Count must be between 1 and 10.")
        zone = self._checked_zone(request, definition)
        provider = self._capacity_provider(request, cluster_arn)
        host = host_of(provider)
        if definition.compatibilities and host not in definition.compatibilities:
            raise invalid_parameter(
                f"Task definition does not support launch_type {host}."
                if host == "FARGATE"
                else f"The task definition is not compatible with the capacity provider '{provider}'."
            )
        network = request["networkConfiguration"]["awsvpcConfiguration"]
        if host != "FARGATE" and network.get("assignPublicIp") == "ENABLED":
            raise invalid_parameter("Assign public IP is not supported for this launch type.")
        region_and_account, _, cluster = cluster_arn.partition(":cluster/")
        return [
            Task(
                arn=f"{region_and_account}:task/{cluster}/{uuid.uuid4().hex}",
                cluster_arn=cluster_arn,
                definition=definition,
                overrides=request.get("overrides", {}),
                group=request.get("group") or f"family:{definition.family}",
                started_by=request.get("startedBy"),
                capacity_provider=provider,
                availability_zone=zone,
                enable_execute_command=bool(request.get("enableExecuteCommand")),
                host=host,
                tags=[
                    *request.get("tags", []),
                    *(definition.tags if request.get("propagateTags") == "TASK_DEFINITION" else ()),
                ],
            )
            for _ in range(count)
        ]

    def _checked_zone(self, request: Document, definition: TaskDefinition) -> str:
        network = request.get("networkConfiguration", {}).get("awsvpcConfiguration")
        if network is None or definition.network_mode != "awsvpc":
            raise invalid_parameter(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified."
                if definition.network_mode == "awsvpc"
                else "Network Configuration is not valid for the given networkMode of this task definition."
            )
        subnets, groups = network.get("subnets", []), network.get("securityGroups", [])
        if not 1 <= len(subnets) <= 16:
            raise invalid_parameter("subnets can have at most 16 items." if subnets else "subnets can not be empty.")
        if len(groups) > 5:
            raise invalid_parameter("securityGroups can have at most 5 items.")
        zones = [self._account.availability_zone(subnet) for subnet in subnets]
        for subnet, zone in zip(subnets, zones, strict=True):
            if zone is None:
                raise invalid_parameter(
                    f"Error retrieving subnet information for [{', '.join(subnets)}]: The subnet ID '{subnet}' does "
                    "not exist (ErrorCode: InvalidSubnetID.NotFound)"
                )
        for group in groups:
            if not self._account.has_security_group(group):
                raise invalid_parameter(
                    f"Error retrieving security group information for [{', '.join(groups)}]: The security group "
                    f"'{group}' does not exist (ErrorCode: InvalidGroup.NotFound)"
                )
        return str(zones[0])

    def _capacity_provider(self, request: Document, cluster_arn: str) -> str | None:
        """None for a launch type. Of several providers the first with a base, else the one with most weight."""
        launch_type, strategy = request.get("launchType"), request.get("capacityProviderStrategy")
        if launch_type is not None and strategy:
            raise invalid_parameter(
                "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try "
                "again."
            )
        if launch_type == "FARGATE":
            return None
        known, default = self._account.capacity_providers(cluster_arn)
        strategy = strategy or (default if launch_type is None else [])
        if not strategy:
            raise invalid_parameter("No Container Instances were found in your cluster.")
        for item in strategy:
            if item["capacityProvider"] not in known:
                raise invalid_parameter(
                    f"The specified capacity provider '{item['capacityProvider']}' is not associated with the cluster."
                )
        best = max(strategy, key=lambda item: (item.get("base", 0), item.get("weight", 0)))
        return str(best["capacityProvider"])


def _check_identity(request: Document) -> None:
    started_by = request.get("startedBy")
    if started_by is not None and not _STARTED_BY.fullmatch(started_by):
        raise invalid_parameter(
            "startedBy can have up to 128 letters (uppercase and lowercase), numbers, hyphens, forward slashes, and "
            "underscores."
        )
    if request.get("propagateTags") == "SERVICE":
        raise invalid_parameter("propagateTags cannot be SERVICE for a standalone task.")


def _check_overrides(overrides: Document, definition: TaskDefinition) -> None:
    if len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False)) > _OVERRIDES_LIMIT:
        raise invalid_parameter("Container Overrides length must be at most 8192")
    for override in overrides.get("containerOverrides", []):
        if override.get("name") != definition.container["name"]:
            raise invalid_parameter(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )
