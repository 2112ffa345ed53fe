"""What is kept in the object store."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from control_plane_server.domain.identifiers import BlobId, ExecutionId, InvocationId


class BlobKind(StrEnum):
    INPUT = "input"
    OUTPUT = "output"
    ARTIFACT = "artifact"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlob:
    """As a client announces it. `size`: in bytes. `sha256`: in hex. `name`: of an artifact."""

    kind: BlobKind
    size: int
    sha256: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """`invocation_id`: what takes it along when it is deleted; of an input None until it is submitted.
    `completed_time`: since when it is there, and used; until then nothing shows it."""

    blob_id: BlobId
    kind: BlobKind
    invocation_id: InvocationId | None
    execution_id: ExecutionId | None
    name: str | None
    size: int
    sha256: str
    creation_time: datetime
    completed_time: datetime | None
    object_id: BlobId  # under which the store has its bytes: its own id, but for the input of a replay

    @property
    def is_complete(self) -> bool:
        return self.completed_time is not None
