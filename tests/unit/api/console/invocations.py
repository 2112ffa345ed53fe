"""Invocations in any state, as the catalog gives them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from control_plane_server.catalog.queue_places import QueuePlace
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerStatus,
    ContainerType,
    Execution,
    ExecutionOutcome,
    Function,
    FunctionStatus,
    Invocation,
    InvocationOutcome,
    InvocationStatus,
    InvocationTotals,
)
from control_plane_server.domain.identifiers import (
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
)
from control_plane_server.domain.specs import ExecutionSpec, ResourceSpec
from control_plane_server.domain.submit_options import NO_OPTIONS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEXT = QueuePlace(attempt=1, ahead=0, running=3, running_of_key=0, function_pause=None, project_pause=None)
CONTAINER = ContainerDetails(type=ContainerType.TEST, identifier="w", logs_identifier="w")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def execution(attempt: int = 1, **changes: Any) -> Execution:
    """With a slot for a minute."""
    new = Execution(
        execution_id=ExecutionId("exe-" + f"{attempt:x}" * 32),
        attempt=attempt,
        launches=0,
        container_status=ContainerStatus.PENDING,
        container_details=None,
        termination_signal_time=None,
        outcome=None,
        output=None,
        error_message=None,
        error_traceback=None,
        creation_time=ago(60),
        last_update_time=ago(60),
        execution_start_time=None,
        execution_finish_time=None,
        launch_time=None,
        newest_launch=0,
        queued_ms=0,
        is_retryable=True,
    )
    return replace(new, **changes)


def failed(attempt: int = 1, **changes: Any) -> Execution:
    """A second ago."""
    ended: dict[str, Any] = {
        "container_status": ContainerStatus.TERMINATED,
        "outcome": ExecutionOutcome.FAILED,
        "error_message": "KeyError: 'cocoa'\nand more",
        "execution_start_time": ago(50),
        "execution_finish_time": ago(2),
        "last_update_time": ago(1),
    }
    return execution(attempt, **{**ended, **changes})


def invocation(*executions: Execution, **changes: Any) -> Invocation:
    """Made two minutes ago, RUNNING, of a function that runs three at once and has two retries."""
    new = Invocation(
        invocation_id=InvocationId("inv-" + "0123abcd" * 4),
        function=function(),
        parent=None,
        input="{}",
        cancellation_request_time=None,
        status=InvocationStatus.RUNNING,
        outcome=None,
        time_out=None,
        totals=InvocationTotals(attempts=len(executions), queued_ms=0, starting_ms=0, running_ms=0),
        batch_id=None,
        options=NO_OPTIONS,
        not_before=None,
        creation_time=ago(120),
        last_update_time=ago(0),
        executions=executions,
    )
    return replace(new, **changes)


def ended(outcome: InvocationOutcome, *executions: Execution, **changes: Any) -> Invocation:
    return invocation(*executions, status=InvocationStatus.TERMINATED, outcome=outcome, **changes)


def function(**changes: Any) -> Function:
    new = Function(
        ref=FunctionRef(project_name=ProjectName("p"), version_id=VersionId("ver-1"), function_name=FunctionName("f")),
        creation_time=ago(3_600),
        docker_image="image:1",
        resource_spec=ResourceSpec(virtual_cpus=1, memory_gbs=1, max_concurrency=3),
        execution_spec=ExecutionSpec(max_retries=2, timeout_seconds=60, retry_initial_interval_seconds=10),
        command=None,
        status=FunctionStatus.READY,
        prepared=None,
        preparation_error=None,
    )
    return replace(new, **changes)
