"""Names and identifiers of the catalog's entities; how they are made. No storage, no wire format."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

ProjectName = NewType("ProjectName", str)
VersionId = NewType("VersionId", str)
FunctionName = NewType("FunctionName", str)
InvocationId = NewType("InvocationId", str)
ExecutionId = NewType("ExecutionId", str)
BatchId = NewType("BatchId", str)
BlobId = NewType("BlobId", str)
WarmContainerId = NewType("WarmContainerId", str)
ScheduleId = NewType("ScheduleId", str)

# Any fixed UUID will do; changing it would give running invocations other execution ids.
_EXECUTION_NAMESPACE = uuid.UUID("6f2b7a0e-6c55-4d6e-9a52-0f9f3c1f5a11")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRef:
    """A function by its path: project, resolved version (never `latest`), name."""

    project_name: ProjectName
    version_id: VersionId
    function_name: FunctionName


def new_version_id() -> VersionId:
    return VersionId(f"ver-{uuid.uuid4().hex}")


def new_invocation_id() -> InvocationId:
    return InvocationId(f"inv-{uuid.uuid4().hex}")


def new_batch_id() -> BatchId:
    return BatchId(f"bat-{uuid.uuid4().hex}")


def new_blob_id() -> BlobId:
    return BlobId(f"blb-{uuid.uuid4().hex}")


def new_schedule_id() -> ScheduleId:
    return ScheduleId(f"sch-{uuid.uuid4().hex}")


def scheduled_invocation_id(schedule_id: ScheduleId, scheduled_time: datetime) -> InvocationId:
    """The id of the invocation of this time, whose whole second counts: whoever makes it again makes the same."""
    digest = hashlib.sha256(f"schedule:{schedule_id}@{int(scheduled_time.timestamp())}".encode()).hexdigest()
    return InvocationId(f"inv-{digest[:32]}")


def triggered_invocation_id(schedule_id: ScheduleId, idempotency_key: str) -> InvocationId:
    """The id of the invocation that a trigger under this key makes, however often it is sent."""
    digest = hashlib.sha256(f"trigger:{schedule_id}:{idempotency_key}".encode()).hexdigest()
    return InvocationId(f"inv-{digest[:32]}")


def new_warm_container_id() -> WarmContainerId:
    return WarmContainerId(f"con-{uuid.uuid4().hex}")


def warm_container_id_for(execution_id: ExecutionId, launch: int) -> WarmContainerId:
    """The id of the container that this launch starts if it finds none that is idle: another try asks for the same."""
    digest = hashlib.sha256(f"warm:{execution_id}-{launch}".encode()).hexdigest()
    return WarmContainerId(f"con-{digest[:32]}")


def drawn_from(execution_id: ExecutionId) -> float:
    """A number from 0 to 1, 1 excluded, that is drawn once for this attempt: ids are digests. SQL works out the same:
    `catalog.ends.waiting_since`."""
    return int(execution_id[4:12], 16) / 2**32


def execution_id_for(invocation_id: InvocationId, attempt: int) -> ExecutionId:
    """The id of an invocation's attempt, counted from 1.

    A pure function, so that a workflow that was reset asks for the same executions again and gets what is recorded.
    """
    return ExecutionId(f"exe-{uuid.uuid5(_EXECUTION_NAMESPACE, f'{invocation_id}:{attempt}').hex}")
