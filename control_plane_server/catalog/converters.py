"""Turns the catalog's rows into domain entities: one converter per table, of rows that have its `columns_of`."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row

from control_plane_server.catalog.platforms import to_platform
from control_plane_server.catalog.reuse import to_reuse
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerStatus,
    ContainerType,
    Execution,
    ExecutionDetail,
    ExecutionOutcome,
    Function,
    FunctionStatus,
    Pause,
    PreparedFunction,
    Project,
    VersionStatus,
    VersionSummary,
)
from control_plane_server.domain.identifiers import (
    BlobId,
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
)
from control_plane_server.domain.schedules import ScheduleSpec
from control_plane_server.domain.specs import Concurrency, ExecutionSpec, ResourceSpec
from control_plane_server.domain.unfinished import UnfinishedInvocation

_Row = Row[*tuple[Any, ...]]


def to_project(row: _Row) -> Project:
    return Project(
        project_name=ProjectName(row.projects_project_name),
        creation_time=row.projects_creation_time,
        deletion_request_time=row.projects_deletion_request_time,
        pause=_pause(row.projects_pause_time, row.projects_paused_until),
    )


def _pause(since: datetime | None, until: datetime | None) -> Pause | None:
    """None also of one whose time is over."""
    if since is None or (until is not None and until <= datetime.now(UTC)):
        return None
    return Pause(since=since, until=until)


def to_version_summary(row: _Row) -> VersionSummary:
    """Of a row that also says `versions_status` and `versions_is_latest`."""
    return VersionSummary(
        version_id=VersionId(row.versions_version_id),
        creation_time=row.versions_creation_time,
        status=VersionStatus(row.versions_status),
        is_latest=row.versions_is_latest,
    )


def to_function(
    row: _Row,
    *,
    signature: str | None = None,
    environment: Mapping[str, str] | None = None,
    schedules: tuple[ScheduleSpec, ...] = (),
) -> Function:
    """`signature`, `environment`, `schedules`: which no row of `columns_of` has, as they may be long."""
    return Function(
        ref=FunctionRef(
            project_name=ProjectName(row.versions_project_name),
            version_id=VersionId(row.versions_version_id),
            function_name=FunctionName(row.functions_function_name),
        ),
        creation_time=row.versions_creation_time,
        docker_image=row.functions_docker_image,
        resource_spec=ResourceSpec(
            virtual_cpus=row.functions_virtual_cpus,
            memory_gbs=row.functions_memory_gbs,
            max_concurrency=row.functions_max_concurrency,
            concurrency=Concurrency(row.functions_concurrency),
        ),
        execution_spec=ExecutionSpec(
            max_retries=row.functions_max_retries,
            timeout_seconds=row.functions_timeout_seconds,
            retry_initial_interval_seconds=row.functions_retry_initial_interval_seconds,
            retry_backoff_coefficient=row.functions_retry_backoff_coefficient,
            retry_max_interval_seconds=row.functions_retry_max_interval_seconds,
            attempt_timeout_seconds=row.functions_attempt_timeout_seconds,
            queue_timeout_seconds=row.functions_queue_timeout_seconds,
            retry_jitter=row.functions_retry_jitter or 0.0,
            no_retry_on=tuple(row.functions_no_retry_on or ()),
            resume_children=row.functions_resume_children,
        ),
        command=None if row.functions_command is None else tuple(row.functions_command),
        status=FunctionStatus(row.functions_status),
        prepared=_prepared(row),
        preparation_error=row.functions_preparation_error,
        signature=signature,
        environment=environment or {},
        secrets=row.functions_secrets or {},
        platform=to_platform(row.functions_platform),
        reuse=to_reuse(row.functions_reuse),
        pause=_pause(row.functions_pause_time, row.functions_paused_until),
        schedules=schedules,
    )


def to_execution(row: _Row) -> Execution:
    return Execution(
        execution_id=ExecutionId(row.executions_execution_id),
        attempt=row.executions_attempt,
        launches=row.executions_launches - row.executions_refused_launches - _launches_without_container(row),
        container_status=ContainerStatus(row.executions_worker_status),
        container_details=to_container_details(
            row.executions_worker_type, row.executions_worker_identifier, row.executions_logs_identifier
        ),
        termination_signal_time=row.executions_termination_signal_time,
        outcome=None if row.executions_outcome is None else ExecutionOutcome(row.executions_outcome),
        output=row.executions_output,
        error_message=row.executions_error_message,
        error_traceback=row.executions_error_traceback,
        creation_time=row.executions_creation_time,
        last_update_time=row.executions_last_update_time,
        execution_start_time=row.executions_execution_start_time,
        execution_finish_time=row.executions_execution_finish_time,
        launch_time=row.executions_launch_time,
        newest_launch=row.executions_launches,
        queued_ms=_queued_ms(row),
        is_retryable=row.executions_is_retryable is not False,
        output_blob_id=to_blob_id(row.executions_output_blob_id),
        is_warm_start=row.executions_is_warm_start,
    )


def _queued_ms(row: _Row) -> int | None:
    """Of what a release began that did not write it, the first attempt's is known."""
    if row.executions_queued_ms is None and row.executions_attempt == 1:
        waited = row.executions_creation_time - row.invocations_creation_time
        return max(0, int(waited / timedelta(milliseconds=1)))
    return cast(int | None, row.executions_queued_ms)


def _launches_without_container(row: _Row) -> int:
    """1 if the current launch, which is recorded before it is sent, is not known to have made a container: neither was
    one recorded, nor has one started the execution. A quick container may start and end without being recorded, if the
    process that launched it died and a stop came before the next try."""
    return int(
        row.executions_launches > 0
        and row.executions_worker_identifier is None
        and row.executions_execution_start_time is None
    )


def to_execution_detail(row: _Row) -> ExecutionDetail:
    return ExecutionDetail(
        execution=to_execution(row),
        function=to_function(row),
        invocation_id=InvocationId(row.invocations_invocation_id),
        input=row.invocations_input,
        cancellation_request_time=row.invocations_cancellation_request_time,
        invocation_creation_time=row.invocations_not_before or row.invocations_creation_time,
        input_blob_id=to_blob_id(row.invocations_input_blob_id),
        schedule_name=row.invocations_schedule_name,
        scheduled_time=row.invocations_scheduled_time,
    )


def to_replayed_from(invocation_id: str | None) -> InvocationId | None:
    return None if invocation_id is None else InvocationId(invocation_id)


def to_blob_id(blob_id: str | None) -> BlobId | None:
    return None if blob_id is None else BlobId(blob_id)


def _prepared(row: _Row) -> PreparedFunction | None:
    if row.functions_prepared_type is None or row.functions_prepared_identifier is None:
        return None
    return PreparedFunction(
        type=ContainerType(row.functions_prepared_type), identifier=row.functions_prepared_identifier
    )


def to_container_details(
    container_type: str | None, identifier: str | None, logs_identifier: str | None
) -> ContainerDetails | None:
    """None until the container is known."""
    if container_type is None or identifier is None or logs_identifier is None:
        return None
    return ContainerDetails(type=ContainerType(container_type), identifier=identifier, logs_identifier=logs_identifier)


def to_unfinished(row: _Row) -> UnfinishedInvocation:
    """Of a row whose names begin with no table's."""
    return UnfinishedInvocation(
        invocation_id=InvocationId(row.invocation_id),
        function=FunctionRef(
            project_name=ProjectName(row.project_name),
            version_id=VersionId(row.version_id),
            function_name=FunctionName(row.function_name),
        ),
        execution_spec=ExecutionSpec(
            max_retries=row.max_retries,
            timeout_seconds=row.timeout_seconds,
            retry_initial_interval_seconds=row.retry_initial_interval_seconds,
            retry_backoff_coefficient=row.retry_backoff_coefficient,
            retry_max_interval_seconds=row.retry_max_interval_seconds,
            attempt_timeout_seconds=row.attempt_timeout_seconds,
            queue_timeout_seconds=row.queue_timeout_seconds,
            retry_jitter=row.retry_jitter or 0.0,
        ),
        creation_time=row.creation_time,
        parent_invocation_id=None if row.parent_invocation_id is None else InvocationId(row.parent_invocation_id),
        newest_attempt=row.newest_attempt,
        not_before=row.not_before,
    )
