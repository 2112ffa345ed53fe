"""Turns the catalog's rows into domain entities: one converter per table."""

from typing import Any

from sqlalchemy import Row

from catalog.tables import ExecutionRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from domain.entities import (
    Execution,
    ExecutionDetail,
    ExecutionOutcome,
    Function,
    FunctionStatus,
    PreparedFunction,
    Project,
    VersionSummary,
    WorkerDetails,
    WorkerStatus,
    WorkerType,
)
from domain.identifiers import ExecutionId, FunctionName, FunctionRef, InvocationId, ProjectName, VersionId
from domain.specs import ExecutionSpec, ResourceSpec


def to_project(row: ProjectRow) -> Project:
    return Project(
        project_name=ProjectName(row.project_name),
        creation_time=row.creation_time,
        deletion_request_time=row.deletion_request_time,
    )


def to_version_summary(row: VersionRow) -> VersionSummary:
    return VersionSummary(version_id=VersionId(row.version_id), creation_time=row.creation_time)


def to_function(row: FunctionRow, version: VersionRow) -> Function:
    return Function(
        ref=FunctionRef(
            project_name=ProjectName(version.project_name),
            version_id=VersionId(version.version_id),
            function_name=FunctionName(row.function_name),
        ),
        creation_time=version.creation_time,
        docker_image=row.docker_image,
        resource_spec=ResourceSpec(
            virtual_cpus=row.virtual_cpus, memory_gbs=row.memory_gbs, max_concurrency=row.max_concurrency
        ),
        execution_spec=ExecutionSpec(
            max_retries=row.max_retries,
            timeout_seconds=row.timeout_seconds,
            retry_initial_interval_seconds=row.retry_initial_interval_seconds,
            retry_backoff_coefficient=row.retry_backoff_coefficient,
            retry_max_interval_seconds=row.retry_max_interval_seconds,
        ),
        command=None if row.command is None else tuple(row.command),
        status=FunctionStatus(row.status),
        prepared=_prepared(row),
        preparation_error=row.preparation_error,
    )


def to_execution(row: ExecutionRow) -> Execution:
    return Execution(
        execution_id=ExecutionId(row.execution_id),
        attempt=row.attempt,
        launches=row.launches - row.refused_launches - _launches_without_worker(row),
        worker_status=WorkerStatus(row.worker_status),
        worker_details=to_worker_details(row),
        termination_signal_time=row.termination_signal_time,
        outcome=None if row.outcome is None else ExecutionOutcome(row.outcome),
        output=row.output,
        error_message=row.error_message,
        creation_time=row.creation_time,
        last_update_time=row.last_update_time,
        execution_start_time=row.execution_start_time,
        execution_finish_time=row.execution_finish_time,
        launch_time=row.launch_time,
    )


def _launches_without_worker(row: ExecutionRow) -> int:
    """The current launch is noted before it is sent: it counts once its container is known, or has spoken to us. That
    may be all we ever hear of one that was quick, if whoever launched it died, and a stop came before the next try."""
    return int(row.launches > 0 and row.worker_identifier is None and row.execution_start_time is None)


def to_execution_detail(
    *, version: VersionRow, function: FunctionRow, invocation: InvocationRow, execution: ExecutionRow
) -> ExecutionDetail:
    return ExecutionDetail(
        execution=to_execution(execution),
        function=to_function(function, version),
        invocation_id=InvocationId(invocation.invocation_id),
        input=invocation.input,
        cancellation_request_time=invocation.cancellation_request_time,
        invocation_creation_time=invocation.creation_time,
    )


def _prepared(row: FunctionRow) -> PreparedFunction | None:
    if row.prepared_type is None or row.prepared_identifier is None:
        return None
    return PreparedFunction(type=WorkerType(row.prepared_type), identifier=row.prepared_identifier)


def to_worker_details(row: ExecutionRow | Row[*tuple[Any, ...]]) -> WorkerDetails | None:
    """None until the worker is known. A row of a query must hold the three columns."""
    if row.worker_type is None or row.worker_identifier is None or row.logs_identifier is None:
        return None
    return WorkerDetails(
        type=WorkerType(row.worker_type), identifier=row.worker_identifier, logs_identifier=row.logs_identifier
    )
