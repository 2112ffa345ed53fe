"""The tables of webhooks."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from control_plane_server.catalog.base import Base
from control_plane_server.catalog.tables import InvocationRow, ProjectRow, epoch_second
from control_plane_server.domain.webhooks import DeliveryStatus


class WebhookRow(Base):
    __tablename__ = "webhooks"

    project_name: Mapped[str] = mapped_column(ForeignKey(ProjectRow.project_name, ondelete="CASCADE"), primary_key=True)
    webhook_name: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_update_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    failing_since: Mapped[datetime | None]  # the first attempt that failed since one succeeded


class WebhookSecretRow(Base):
    """What signs the deliveries of a webhook, or of the project's invocations. The newest one is its secret; one that
    was replaced signs, too, until it expires."""

    __tablename__ = "webhook_secrets"

    secret_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_name: Mapped[str] = mapped_column(ForeignKey(ProjectRow.project_name, ondelete="CASCADE"))
    webhook_name: Mapped[str]
    encrypted_value: Mapped[str]
    encryption_key: Mapped[str]  # its fingerprint
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expiry_time: Mapped[datetime | None]  # None: it is the newest


class WebhookDeliveryRow(Base):
    """The outbox: written with the end of the invocation, and sent until it was taken or given up.

    No foreign key to its webhook: an end must not fail because a webhook is deleted at that moment.
    """

    __tablename__ = "webhook_deliveries"

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    project_name: Mapped[str]
    webhook_name: Mapped[str]
    target: Mapped[str]  # the webhook's name, or the origin of the invocation's URL
    invocation_id: Mapped[str] = mapped_column(ForeignKey(InvocationRow.invocation_id, ondelete="CASCADE"), index=True)
    event: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=DeliveryStatus.PENDING.value)
    creation_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    pending_since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())  # until when it is tried
    announced_time: Mapped[datetime | None]  # when a process first took it upon itself to start its workflow
    next_attempt_time: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_attempt_time: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]


_IS_PENDING = WebhookDeliveryRow.status == DeliveryStatus.PENDING.value

Index(
    "webhook_secrets_of_webhook",
    WebhookSecretRow.project_name,
    WebhookSecretRow.webhook_name,
    WebhookSecretRow.expiry_time,
)
# One newest secret, however many rotate at once.
Index(
    "webhook_secrets_newest",
    WebhookSecretRow.project_name,
    WebhookSecretRow.webhook_name,
    unique=True,
    postgresql_where=WebhookSecretRow.expiry_time.is_(None),
)
Index(
    "webhook_deliveries_newest_first",
    WebhookDeliveryRow.project_name,
    WebhookDeliveryRow.webhook_name,
    epoch_second(WebhookDeliveryRow.creation_time).desc(),
    WebhookDeliveryRow.delivery_id,
)
Index(
    "webhook_deliveries_given_up",  # the few among the many
    WebhookDeliveryRow.project_name,
    WebhookDeliveryRow.webhook_name,
    epoch_second(WebhookDeliveryRow.creation_time).desc(),
    WebhookDeliveryRow.delivery_id,
    postgresql_where=WebhookDeliveryRow.status == DeliveryStatus.GIVEN_UP.value,
)
Index(
    "webhook_deliveries_due",
    WebhookDeliveryRow.project_name,
    WebhookDeliveryRow.target,
    WebhookDeliveryRow.next_attempt_time,
    postgresql_where=_IS_PENDING,
)
Index(
    "webhook_deliveries_unannounced",
    WebhookDeliveryRow.project_name,
    WebhookDeliveryRow.target,
    postgresql_where=_IS_PENDING & WebhookDeliveryRow.announced_time.is_(None),
)
