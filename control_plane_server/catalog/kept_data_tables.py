"""The tables of what is kept for executions: blobs and checkpoints."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from control_plane_server.catalog.base import READ_APART, Base


class BlobRow(Base):
    """A blob in the object store. Until it is complete it is nobody's, and nothing shows it; whatever it is of then
    takes it along when it is deleted. The object goes after its row, and after those of the replays that share it."""

    __tablename__ = "blobs"

    blob_id: Mapped[str] = mapped_column(primary_key=True)
    object_id: Mapped[str | None]  # of a replay's input: the blob whose object it is. None: it has one of its own
    project_name: Mapped[str] = mapped_column(ForeignKey("projects.project_name", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    invocation_id: Mapped[str | None] = mapped_column(ForeignKey("invocations.invocation_id", ondelete="CASCADE"))
    execution_id: Mapped[str | None]  # of an input none, as it is there before
    name: Mapped[str | None]  # of an artifact
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]  # in hex
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    completed_time: Mapped[datetime | None]


class CheckpointRow(Base):
    """What the code of an invocation has saved last, as JSON, for its next container or attempt. `value`: empty if it
    is in a blob. `sequence`: counts up within the container of a launch; both None where they are not known."""

    __tablename__ = "checkpoints"

    invocation_id: Mapped[str] = mapped_column(
        ForeignKey("invocations.invocation_id", ondelete="CASCADE"), primary_key=True
    )
    value: Mapped[str] = mapped_column(info={READ_APART: True})
    attempt: Mapped[int]  # whose code saved it
    save_time: Mapped[datetime]
    blob_id: Mapped[str | None]
    launch: Mapped[int | None]
    sequence: Mapped[int | None] = mapped_column(BigInteger)


Index(
    "blobs_of_invocation",
    BlobRow.invocation_id,
    BlobRow.execution_id,
    postgresql_where=BlobRow.invocation_id.is_not(None),
)
Index("blobs_incomplete", BlobRow.creation_time, postgresql_where=BlobRow.completed_time.is_(None))
Index("blobs_sharing_objects", BlobRow.object_id, postgresql_where=BlobRow.object_id.is_not(None))
