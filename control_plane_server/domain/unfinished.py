"""What a reconciliation finds in the catalog: unfinished work, with what is needed to go on with it."""

from dataclasses import dataclass
from datetime import datetime

from control_plane_server.domain.identifiers import (
    BatchId,
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
)
from control_plane_server.domain.specs import ExecutionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedInvocation:
    """An invocation that is RUNNING in the catalog, without its input. `newest_attempt`: counted from 1; 1 also if
    there was none yet."""

    invocation_id: InvocationId
    function: FunctionRef
    execution_spec: ExecutionSpec
    creation_time: datetime
    parent_invocation_id: InvocationId | None
    newest_attempt: int
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningInvocation:
    """`has_begun`: its workflow has asked for a slot. If Temporal does not know that workflow, the workflow was
    lost."""

    invocation_id: InvocationId
    has_begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonedInvocation:
    """An invocation that is RUNNING though its workflow was closed. `execution_id`, `attempt`: of its live execution;
    None and 0 if it has none."""

    invocation_id: InvocationId
    execution_id: ExecutionId | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpreparedVersion:
    """`function_names`: those that are neither READY nor refused for good."""

    project_name: ProjectName
    version_id: VersionId
    function_names: tuple[FunctionName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectBeingDeleted:
    """`creation_time` tells the project from a later one of the same name."""

    project_name: ProjectName
    creation_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedBatch:
    """A batch of which some invocation runs."""

    batch_id: BatchId
    function: FunctionRef
    execution_spec: ExecutionSpec
    creation_time: datetime
    size: int
    parent_invocation_id: InvocationId | None
    is_replay: bool = False
    not_before: datetime | None = None
