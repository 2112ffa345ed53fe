"""The table of schedules, and the indexes by which what declares them and what they have made is found."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, and_, false, func
from sqlalchemy.orm import Mapped, mapped_column

from control_plane_server.catalog.base import Base
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, ProjectRow


class ScheduleRow(Base):
    """A schedule of a project. Its row is the truth, and the lock under which its invocations are made; Temporal's
    schedule of the same id is made to match it."""

    __tablename__ = "schedules"
    __table_args__ = (UniqueConstraint("project_name", "schedule_name", name="schedules_by_name"),)

    schedule_id: Mapped[str] = mapped_column(primary_key=True)
    project_name: Mapped[str] = mapped_column(ForeignKey(ProjectRow.project_name, ondelete="CASCADE"))
    schedule_name: Mapped[str]
    function_name: Mapped[str]
    is_declared: Mapped[bool]
    cron: Mapped[str | None]
    every_seconds: Mapped[int | None]
    timezone: Mapped[str]
    input: Mapped[str]
    overlap: Mapped[str]
    jitter_seconds: Mapped[int]
    pause_time: Mapped[datetime | None]
    pause_reason: Mapped[str | None]
    is_without_function: Mapped[bool] = mapped_column(server_default=false())  # in the latest version
    # Of the time that waits for the end of another one's invocation, and when it last looked.
    waiting_time: Mapped[datetime | None]
    waiting_look_time: Mapped[datetime | None]
    last_skipped_time: Mapped[datetime | None]
    last_skip_reason: Mapped[str | None]
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_update_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


Index("functions_scheduled", FunctionRow.version_id, postgresql_where=FunctionRow.schedules.is_not(None))
Index(
    "invocations_running_by_schedule",
    InvocationRow.schedule_id,
    postgresql_where=and_(InvocationRow.schedule_id.is_not(None), InvocationRow.status == "RUNNING"),
)
