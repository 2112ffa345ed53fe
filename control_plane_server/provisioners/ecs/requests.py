"""Builds requests to ECS. Pure: the same input makes the same request, byte for byte."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from control_plane_server.domain.containers import ContainerRequest
from control_plane_server.domain.entities import Function
from control_plane_server.domain.environments import of_aws
from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.platforms import (
    Host,
    placement_of,
    refuse_what_hosts_lack,
    size_on,
    task_role_of,
)
from control_plane_server.provisioners.ecs.runtime_volume import runtime_container, volumes, with_runtime
from control_plane_server.provisioners.ecs.tags import tags_of
from control_plane_server.provisioners.runtime_location import RUNTIME_PATH
from control_plane_server.provisioners.variables import (
    command_variables,
    function_variables,
    launch_variables,
    reuse_variables,
)

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import (
        AwsVpcConfigurationTypeDef,
        ContainerDefinitionTypeDef,
        KeyValuePairTypeDef,
        LogConfigurationTypeDef,
        RegisterTaskDefinitionRequestTypeDef,
        RunTaskRequestTypeDef,
        TaskDefinitionTypeDef,
    )

CONTAINER = "main"
LOG_STREAM_PREFIX = "ecs"

_LONGEST_NAME_IN_FAMILY = 16
_DIGEST_LENGTH = 16
_SHORTEST_STOP_SECONDS = 2
# Amazon ECS API reference, "ContainerDefinition", and the digests that it takes beside.
_LONGEST_IMAGE = 255
_NOT_IN_IMAGE = re.compile(r"[^A-Za-z0-9_.:/#@-]")
_NOT_IN_FAMILY = re.compile(r"[^A-Za-z0-9_-]")


def family_of(function: Function) -> str:
    """The task-definition family of a function. Its versions are revisions. Names that do not fit are cut, and a digest
    tells the function from others whose names begin alike."""
    names = (function.ref.project_name, function.ref.function_name)
    shown = [_NOT_IN_FAMILY.sub("-", name[:_LONGEST_NAME_IN_FAMILY]) for name in names]
    family = ("multinode-worker", *shown)
    if tuple(shown) != names:
        family += (hashlib.sha256("/".join(names).encode()).hexdigest()[:_DIGEST_LENGTH],)
    return "-".join(family)


def refuse_illegal_image(image: str) -> None:
    """Raises FunctionFailure for a reference that ECS does not take, in words that say why."""
    if len(image) > _LONGEST_IMAGE:
        raise FunctionFailure(
            f"The image's name has {len(image)} characters, of which ECS takes {_LONGEST_IMAGE}: {image}"
        )
    if _NOT_IN_IMAGE.search(image) is not None:
        raise FunctionFailure(f"The image's name has characters that ECS does not take: {image}")


def task_definition(
    function: Function, configuration: EcsConfiguration, *, host: Host = Host.FARGATE
) -> "RegisterTaskDefinitionRequestTypeDef":
    """The request to register a function that runs on such hosts. Raises FunctionFailure for what it asks for and they
    lack, for an image that ECS cannot name, and for a command if no CONTROL_PLANE_IMAGE is set."""
    refuse_illegal_image(function.docker_image)
    platform = function.platform
    refuse_what_hosts_lack(platform, host)
    size = size_on(host, function.resource_spec)
    request: RegisterTaskDefinitionRequestTypeDef = {
        "family": family_of(function),
        "requiresCompatibilities": [host.value],
        "networkMode": "awsvpc",
        "cpu": str(size.cpu),
        "memory": str(size.memory),
        "runtimePlatform": {
            "operatingSystemFamily": "LINUX",
            "cpuArchitecture": (platform.cpu_architecture or configuration.cpu_architecture).value,
        },
        "taskRoleArn": task_role_of(platform, configuration),
        "executionRoleArn": configuration.execution_role_arn,
        "containerDefinitions": [_container(function, configuration)],
        "tags": tags_of(function.ref, configuration),
    }
    if platform.ephemeral_storage_gib is not None:
        request["ephemeralStorage"] = {"sizeInGiB": platform.ephemeral_storage_gib}
    if function.command is not None:
        request = _with_runtime(request, function.command, configuration)
    return request


def _container(function: Function, configuration: EcsConfiguration) -> "ContainerDefinitionTypeDef":
    ours = function_variables(
        function.ref, api_url=configuration.api_url, ca_certificates=configuration.ca_certificates
    )
    kept = {} if function.reuse is None else reuse_variables(function.reuse, stop_grace=configuration.stop_grace)
    variables = {**function.environment, **ours, **kept}
    container: ContainerDefinitionTypeDef = {
        "name": CONTAINER,
        "image": function.docker_image,
        "essential": True,
        # Else the kernel keeps signals from a program without a handler for them, and nobody reaps what it leaves.
        "linuxParameters": {"initProcessEnabled": True},
        "stopTimeout": max(_SHORTEST_STOP_SECONDS, math.ceil(configuration.stop_grace.total_seconds())),
        "environment": _pairs(variables),
        "logConfiguration": _log(configuration),
    }
    secrets = of_aws(function.secrets)
    if secrets:
        container["secrets"] = [{"name": name, "valueFrom": arn} for name, arn in secrets.items()]
    if function.platform.gpus is not None:
        container["resourceRequirements"] = [{"type": "GPU", "value": str(function.platform.gpus)}]
    return container


def _with_runtime(
    request: "RegisterTaskDefinitionRequestTypeDef", command: Sequence[str], configuration: EcsConfiguration
) -> "RegisterTaskDefinitionRequestTypeDef":
    if configuration.runtime_image is None:
        raise FunctionFailure(
            "On ECS a function that is a command needs the image control-plane-runtime: set CONTROL_PLANE_IMAGE, see "
            "docs/aws.md, and make another version"
        )
    (container,) = request["containerDefinitions"]
    environment = [
        *container.get("environment", []),
        *_pairs({**command_variables(command), "PYTHONPATH": RUNTIME_PATH}),
    ]
    return {
        **request,
        "volumes": volumes(),
        "containerDefinitions": [
            runtime_container(configuration.runtime_image, log=_log(configuration)),
            with_runtime({**container, "environment": environment}),
        ],
    }


def _log(configuration: EcsConfiguration) -> "LogConfigurationTypeDef":
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": configuration.log_group,
            "awslogs-region": configuration.region,
            "awslogs-stream-prefix": LOG_STREAM_PREFIX,
            # Explicit, as an account can change the default. A container that cannot log waits, rather than lose lines.
            "mode": "blocking",
        },
    }


def is_of(definition: "TaskDefinitionTypeDef", function: Function) -> bool:
    """Whether a task definition was registered for this function of this version."""
    variables = {
        pair.get("name"): pair.get("value")
        for container in definition.get("containerDefinitions", [])
        for pair in container.get("environment", [])
    }
    return (
        variables.get("MULTINODE_VERSION_ID") == function.ref.version_id
        and variables.get("MULTINODE_FUNCTION_NAME") == function.ref.function_name
    )


def task(request: ContainerRequest, configuration: EcsConfiguration) -> "RunTaskRequestTypeDef":
    """The request to run a task. The launch's name is in `clientToken`, by which a repeated request finds the first
    one's task, and in `startedBy`, by which the task is found after ECS has forgotten the token.

    It holds no time and no new secret, as ECS refuses a token that is sent again with another request.
    """
    name = str(request.name)
    platform = request.platform.with_default(configuration.default_capacity).for_launch(
        interruptions=request.interruptions, without_capacity=request.without_capacity
    )
    placement = placement_of(platform, configuration)
    network: AwsVpcConfigurationTypeDef = {
        "subnets": list(configuration.subnets),
        "securityGroups": list(configuration.security_groups),
    }
    if placement.is_on_fargate:  # on other hosts ECS gives no public address, and refuses to be asked for one
        network["assignPublicIp"] = "ENABLED" if configuration.assigns_public_ip else "DISABLED"
    run: RunTaskRequestTypeDef = {
        "cluster": configuration.cluster,
        "taskDefinition": request.prepared_identifier,
        "clientToken": name,
        "startedBy": name,
        "count": 1,
        "networkConfiguration": {"awsvpcConfiguration": network},
        "overrides": {
            "containerOverrides": [
                {
                    "name": CONTAINER,
                    "environment": _pairs(launch_variables(request)),
                }
            ]
        },
        "propagateTags": "TASK_DEFINITION",
    }
    if placement.providers:
        run["capacityProviderStrategy"] = [
            {"capacityProvider": provider.name, "weight": provider.weight} for provider in placement.providers
        ]
    return run


def _pairs(variables: Mapping[str, str]) -> "list[KeyValuePairTypeDef]":
    return [{"name": name, "value": value} for name, value in variables.items()]
