"""A task that shows whether containers reach the API: one of a function, with an execution that does not exist. Its
program asks the API for the execution, is refused, and ends before any code of the user's."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ContainerRequest
from control_plane_server.domain.errors import ContainerError
from control_plane_server.domain.identifiers import ExecutionId, FunctionRef, InvocationId
from control_plane_server.domain.platforms import Platform
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.ecs import requests
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.factory import open_ecs_client, open_ecs_provisioner
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner, details_of

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import KeyValuePairTypeDef, RunTaskRequestTypeDef, TaskOverrideTypeDef

_LAUNCH_SECONDS = 60.0
_MOST_LINES = 100
_LOG_SECONDS = 20.0  # CloudWatch has the last lines some seconds after the end
_LOG_PAUSE_SECONDS = 1.0
_NOBODY = ContainerName(execution_id=ExecutionId(f"exe-{'0' * 32}"), launch=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """`exit`: None if the task did not end in time. `lines`: what its container wrote. `seconds`: until it was over."""

    exit: ContainerExit | None
    lines: tuple[str, ...]
    seconds: float


def probe_task(
    definition: str, function: FunctionRef, platform: Platform, configuration: EcsConfiguration
) -> "RunTaskRequestTypeDef":
    """`definition`: the function's. The API is where the configuration says now. The task has no launch's name, so no
    repair takes it for a launch."""
    request = ContainerRequest(
        name=_NOBODY,
        function=function,
        invocation_id=InvocationId(f"inv-{'0' * 32}"),
        docker_image="",
        prepared_identifier=definition,
        resource_spec=ResourceSpec(virtual_cpus=0, memory_gbs=0, max_concurrency=1),
        command=None,
        token="none",  # which the API refuses
        platform=platform,
    )
    name = f"doctor-{uuid.uuid4().hex}"
    run = requests.task(request, configuration)
    (overridden,) = run["overrides"]["containerOverrides"]
    variables: list[KeyValuePairTypeDef] = [
        *overridden.get("environment", []),
        {"name": "MULTINODE_API_URL", "value": configuration.api_url},
    ]
    overrides: TaskOverrideTypeDef = {"containerOverrides": [{"name": requests.CONTAINER, "environment": variables}]}
    return {**run, "clientToken": name, "startedBy": name, "overrides": overrides}


async def run_probe(
    configuration: EcsConfiguration, request: "RunTaskRequestTypeDef", *, patience: timedelta
) -> Probed:
    """Start the task, wait until it has ended, and stop it if that takes longer than `patience`. Raises what a launch
    raises. Whoever dies meanwhile leaves a task that ends by itself."""
    began = time.monotonic()
    looking = replace(configuration, events_queue_url=None)  # nobody tells us of its end
    async with open_ecs_client(looking) as client, open_ecs_provisioner(looking) as provisioner:
        arn = await client.run_task(request, before=began + _LAUNCH_SECONDS)
        container = Container(name=_NOBODY, details=details_of(arn))
        ended: ContainerExit | None = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.total_seconds()):
                    ended = await provisioner.wait_for_exit(container)
        finally:
            if ended is None:
                with suppress(ContainerError):
                    await client.stop_task(arn, reason="The doctor does not wait any longer")
        seconds = time.monotonic() - began
        has_run = ended is not None and ended.exit_code is not None
        return Probed(exit=ended, lines=await _lines(provisioner, container) if has_run else (), seconds=seconds)


async def _lines(provisioner: EcsProvisioner, container: Container) -> tuple[str, ...]:
    lines: Sequence[str] = ()
    with suppress(ContainerError, TimeoutError):
        async with asyncio.timeout(_LOG_SECONDS):
            while not lines:
                await asyncio.sleep(_LOG_PAUSE_SECONDS)
                lines = (await provisioner.read_logs(container.details, None, _MOST_LINES)).lines
    return tuple(lines)
