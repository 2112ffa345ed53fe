"""What the tests of the ECS provisioner's pure parts begin with."""

from datetime import UTC, datetime, timedelta

from control_plane_server.domain.containers import ContainerName, ContainerRequest
from control_plane_server.domain.entities import Function, FunctionStatus
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
    new_version_id,
)
from control_plane_server.domain.specs import ExecutionSpec, ResourceSpec
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration

ROLE = "arn:aws:iam::123456789012:role/control-plane-"
EXECUTION = ExecutionId("exe-" + "1" * 32)
INVOCATION = InvocationId("inv-" + "2" * 32)
REF = FunctionRef(
    project_name=ProjectName("summaries of everything"),
    version_id=VersionId("ver-" + "3" * 32),
    function_name=FunctionName("summarize"),
)
RESOURCES = ResourceSpec(virtual_cpus=0.5, memory_gbs=2, max_concurrency=1)


def configuration() -> EcsConfiguration:
    return EcsConfiguration(
        region="eu-west-1",
        cluster="workers",
        subnets=("subnet-1", "subnet-2"),
        security_groups=("sg-1",),
        task_role_arn=ROLE + "task",
        execution_role_arn=ROLE + "execution",
        log_group="/workers",
        repository_name="functions",
        api_url="https://control-plane.example.com",
        stop_grace=timedelta(seconds=120),
    )


def function(ref: FunctionRef = REF, *, docker_image: str = "image:1") -> Function:
    return Function(
        ref=ref,
        creation_time=datetime.now(UTC),
        docker_image=docker_image,
        resource_spec=RESOURCES,
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=60),
        command=None,
        status=FunctionStatus.PENDING,
        prepared=None,
        preparation_error=None,
    )


def container_request(prepared: str, *, execution_id: ExecutionId = EXECUTION, launch: int = 1) -> ContainerRequest:
    return ContainerRequest(
        name=ContainerName(execution_id=execution_id, launch=launch),
        function=REF,
        invocation_id=INVOCATION,
        docker_image="image:1",
        prepared_identifier=prepared,
        resource_spec=RESOURCES,
        command=None,
        token=f"{execution_id}.{'f' * 64}",
    )


def new_ref() -> FunctionRef:
    return FunctionRef(project_name=REF.project_name, version_id=new_version_id(), function_name=REF.function_name)
