"""Builds from the catalog's entities the requests that workflows are started with. Nothing else builds these."""

from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation, Project, Version
from control_plane_server.domain.messages import (
    BatchRequest,
    CleanUpRequest,
    DeletionRequest,
    InvocationRequest,
    PreparationRequest,
)
from control_plane_server.domain.unfinished import (
    AbandonedInvocation,
    ProjectBeingDeleted,
    UnfinishedBatch,
    UnfinishedInvocation,
    UnpreparedVersion,
)


def for_invocation(invocation: Invocation, *, traceparent: str | None) -> InvocationRequest:
    """The first workflow of a new invocation. `traceparent`: of the request that made it; None without tracing."""
    return InvocationRequest(
        invocation_id=invocation.invocation_id,
        function=invocation.function.ref,
        execution_spec=invocation.function.execution_spec.with_queue_timeout(invocation.options.queue_timeout_seconds),
        creation_time=invocation.creation_time,
        parent_invocation_id=None if invocation.parent is None else invocation.parent.ref.invocation_id,
        traceparent=traceparent,
        resumes=invocation.function.reuse is not None,
        not_before=invocation.not_before,
    )


def for_unfinished(
    invocation: UnfinishedInvocation, *, resumes: bool, has_slot: bool = False, traceparent: str | None = None
) -> InvocationRequest:
    """A workflow that goes on with the newest attempt. `resumes`: it replaces a workflow that Temporal has lost.
    `has_slot`: that attempt was granted one."""
    return InvocationRequest(
        invocation_id=invocation.invocation_id,
        function=invocation.function,
        execution_spec=invocation.execution_spec,
        creation_time=invocation.creation_time,
        parent_invocation_id=invocation.parent_invocation_id,
        traceparent=traceparent,
        first_attempt=invocation.newest_attempt,
        resumes=resumes,
        not_before=invocation.not_before,
        has_slot=has_slot,
    )


def for_batch(batch: Batch) -> BatchRequest:
    """The workflow of a batch."""
    return BatchRequest(
        batch_id=batch.batch_id,
        function=batch.function,
        execution_spec=batch.execution_spec,
        creation_time=batch.creation_time,
        size=batch.size,
        parent_invocation_id=None if batch.parent is None else batch.parent.invocation_id,
        is_replay=batch.is_replay,
        not_before=batch.not_before,
    )


def for_unfinished_batch(batch: UnfinishedBatch) -> BatchRequest:
    """A workflow in place of one that was never started, or was lost."""
    return BatchRequest(
        batch_id=batch.batch_id,
        function=batch.function,
        execution_spec=batch.execution_spec,
        creation_time=batch.creation_time,
        size=batch.size,
        parent_invocation_id=batch.parent_invocation_id,
        is_replay=batch.is_replay,
        not_before=batch.not_before,
    )


def for_abandoned(invocation: AbandonedInvocation) -> CleanUpRequest:
    """The clean-up of an invocation whose workflow was closed."""
    return CleanUpRequest(
        invocation_id=invocation.invocation_id, execution_id=invocation.execution_id, attempt=invocation.attempt
    )


def for_version(version: Version) -> PreparationRequest:
    """The preparation of all functions of a new version."""
    return PreparationRequest(
        project_name=version.project_name,
        version_id=version.version_id,
        function_names=tuple(function.ref.function_name for function in version.functions),
    )


def for_unprepared(version: UnpreparedVersion) -> PreparationRequest:
    """The preparation of those functions of a version that have no outcome."""
    return PreparationRequest(
        project_name=version.project_name, version_id=version.version_id, function_names=version.function_names
    )


def for_deletion(project: Project | ProjectBeingDeleted) -> DeletionRequest:
    return DeletionRequest(project_name=project.project_name, creation_time=project.creation_time)
