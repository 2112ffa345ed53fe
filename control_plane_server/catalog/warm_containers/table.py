"""The table of warm containers."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, false, func
from sqlalchemy.orm import Mapped, mapped_column

from control_plane_server.catalog.base import Base
from control_plane_server.catalog.tables import FunctionRow


class WarmContainerRow(Base):
    """A container of a function whose containers are reused: `catalog.warm_containers.states`."""

    __tablename__ = "warm_containers"

    container_id: Mapped[str] = mapped_column(primary_key=True)
    function_id: Mapped[int] = mapped_column(ForeignKey(FunctionRow.function_id, ondelete="CASCADE"))
    state: Mapped[str]
    # The lease, of a LEASED one alone: the launch of an execution, and the trace context of its span.
    execution_id: Mapped[str | None]
    launch: Mapped[int | None]
    traceparent: Mapped[str | None]
    lease_time: Mapped[datetime | None]
    is_delivered: Mapped[bool] = mapped_column(server_default=false())  # whether the container was told of the lease
    stop_requested_time: Mapped[datetime | None]  # of the lease
    executions: Mapped[int] = mapped_column(server_default="0")  # leases that were delivered
    idle_since: Mapped[datetime | None]  # of an IDLE one
    idle_ms: Mapped[int] = mapped_column(BigInteger, server_default="0")  # of all its idle times that are over
    heard_time: Mapped[datetime | None]  # when it asked last
    # None until it is known where the provisioner finds it.
    container_type: Mapped[str | None]
    container_identifier: Mapped[str | None]
    logs_identifier: Mapped[str | None]
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    close_time: Mapped[datetime | None]
    close_reason: Mapped[str | None]


Index(
    "warm_containers_idle",
    WarmContainerRow.function_id,
    WarmContainerRow.idle_since.desc(),
    postgresql_where=WarmContainerRow.state == "IDLE",
)
Index(
    "warm_containers_open",
    WarmContainerRow.function_id,
    WarmContainerRow.state,
    postgresql_where=WarmContainerRow.state != "CLOSED",
)
# However many processes try a launch: it has one container.
Index(
    "warm_containers_by_lease",
    WarmContainerRow.execution_id,
    WarmContainerRow.launch,
    unique=True,
    postgresql_where=WarmContainerRow.state == "LEASED",
)
Index("warm_containers_closed", WarmContainerRow.close_time, postgresql_where=WarmContainerRow.state == "CLOSED")
# What a day's costs read, and what is deleted with its function.
Index("warm_containers_of_function", WarmContainerRow.function_id, WarmContainerRow.creation_time)
