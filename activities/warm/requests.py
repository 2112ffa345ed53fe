"""What a provisioner is asked for a warm container, and what that is told of an execution."""

from datetime import timedelta

from control_plane_server.catalog.warm_containers.containers import Lease
from control_plane_server.domain.containers import ContainerName, ContainerRequest
from control_plane_server.domain.entities import Function, PreparedFunction
from control_plane_server.domain.execution_tokens import container_token
from control_plane_server.domain.identifiers import FunctionRef, WarmContainerId
from control_plane_server.domain.messages import RunExecutionRequest


def warm_request(
    container_id: WarmContainerId,
    function: Function,
    *,
    prepared: PreparedFunction,
    signing_key: str,
    interruptions: int = 0,
    without_capacity: timedelta = timedelta(),
) -> ContainerRequest:
    """The same whoever asks. `interruptions`, `without_capacity`: of the execution that it is launched for, if it is
    launched for one."""
    return ContainerRequest(
        name=ContainerName.of_warm(container_id),
        function=function.ref,
        invocation_id=None,
        docker_image=function.docker_image,
        prepared_identifier=prepared.identifier,
        resource_spec=function.resource_spec,
        command=function.command,
        environment=function.environment,
        token=container_token(signing_key, container_id),
        platform=function.platform,
        reuse=function.reuse,
        interruptions=interruptions,
        without_capacity=without_capacity,
    )


def new_lease(request: RunExecutionRequest, function: FunctionRef, launch: ContainerName) -> Lease:
    """`launch`: of the execution that is requested."""
    return Lease(
        function=function,
        invocation_id=request.invocation_id,
        execution_id=launch.execution_id,
        launch=launch.launch,
        traceparent=None if request.trace is None else str(request.trace.below(str(launch))),
    )
