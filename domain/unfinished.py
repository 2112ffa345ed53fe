"""What a reconciliation finds in the catalog: work that is not done, as far as whoever goes on with it must know it."""

from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import ExecutionId, FunctionName, FunctionRef, InvocationId, ProjectName, VersionId
from domain.specs import ExecutionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedInvocation:
    """One that the catalog takes for running. `newest_attempt`: counted from 1, 1 before the first. Its input stays
    where it is."""

    invocation_id: InvocationId
    function: FunctionRef
    execution_spec: ExecutionSpec
    creation_time: datetime
    parent_invocation_id: InvocationId | None
    newest_attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningInvocation:
    """`has_begun`: its workflow has asked for a slot, so that one without a workflow has lost it."""

    invocation_id: InvocationId
    has_begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AbandonedInvocation:
    """One that runs and whose workflow was closed. `execution_id`, `attempt`: of its live execution; None and 0 without
    one."""

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
    """The creation time tells it from a later project of the same name."""

    project_name: ProjectName
    creation_time: datetime
