"""Deliveries as users see them: listed, and sent again by hand."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Text, and_, bindparam, case, func, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.notifications import WEBHOOKS_CHANNEL
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.tables import epoch_second
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.catalog.webhooks.tables import WebhookDeliveryRow
from control_plane_server.domain.errors import DeliveryDoesNotExist, ProjectDoesNotExist
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.webhooks import OF_INVOCATIONS, Delivery, DeliveryId, DeliveryStatus, WebhookEvent

_NOW = func.statement_timestamp()
_COLUMNS = (
    WebhookDeliveryRow.delivery_id,
    WebhookDeliveryRow.webhook_name,
    WebhookDeliveryRow.invocation_id,
    WebhookDeliveryRow.event,
    WebhookDeliveryRow.status,
    WebhookDeliveryRow.attempts,
    WebhookDeliveryRow.last_status,
    WebhookDeliveryRow.last_error,
    WebhookDeliveryRow.creation_time,
    WebhookDeliveryRow.last_attempt_time,
    case((WebhookDeliveryRow.status == DeliveryStatus.PENDING.value, WebhookDeliveryRow.next_attempt_time)).label(
        "next_attempt_time"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """`next_offset`: where the next page begins; None on the last page."""

    deliveries: tuple[Delivery, ...]
    next_offset: str | None


class DeliveryLogRepository:
    """The connection's owner commits. `webhook_name`: of a webhook, or OF_INVOCATIONS."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(
        self,
        project_name: str,
        webhook_name: str,
        *,
        status: DeliveryStatus | None,
        offset: str | None,
        max_results: int,
    ) -> DeliveryPage:
        """Newest first. Raises ProjectDoesNotExist, WebhookDoesNotExist, OffsetIsInvalid."""
        await self._ensure_webhook(project_name, webhook_name)
        second = epoch_second(WebhookDeliveryRow.creation_time)
        page = (
            select(*_COLUMNS, second.label("second"))
            .where(WebhookDeliveryRow.project_name == project_name, WebhookDeliveryRow.webhook_name == webhook_name)
            .order_by(second.desc(), WebhookDeliveryRow.delivery_id)
            .limit(max_results + 1)
        )
        if status is not None:
            # As a literal, as the indexes of some statuses are for them alone.
            page = page.where(WebhookDeliveryRow.status == bindparam(None, status.value, Text, literal_execute=True))
        if offset is not None:
            start = PageStart.parse(offset)
            page = page.where(
                second <= start.second,
                or_(
                    second < start.second,
                    and_(second == start.second, WebhookDeliveryRow.delivery_id >= start.item_id),
                ),
            )
        rows = (await self._connection.execute(page)).all()
        following = rows[max_results] if len(rows) > max_results else None
        return DeliveryPage(
            deliveries=tuple(map(_to_delivery, rows[:max_results])),
            next_offset=(
                None if following is None else str(PageStart(second=following.second, item_id=following.delivery_id))
            ),
        )

    async def redeliver(self, project_name: str, webhook_name: str, delivery_id: str) -> Delivery:
        """Have it sent now, whatever became of it, under the same id, and tried for as long as a new one. May be
        repeated. Raises ProjectDoesNotExist, WebhookDoesNotExist, DeliveryDoesNotExist."""
        await self._ensure_webhook(project_name, webhook_name)
        updated = await self._connection.execute(
            update(WebhookDeliveryRow)
            .where(
                WebhookDeliveryRow.project_name == project_name,
                WebhookDeliveryRow.webhook_name == webhook_name,
                WebhookDeliveryRow.delivery_id == searchable(delivery_id),
            )
            .values(
                status=DeliveryStatus.PENDING,
                pending_since=_NOW,
                next_attempt_time=_NOW,
                announced_time=null(),
            )
            .returning(*_COLUMNS, func.pg_notify(WEBHOOKS_CHANNEL, ""))
        )
        row = updated.one_or_none()
        if row is None:
            raise DeliveryDoesNotExist
        return _to_delivery(row)

    async def _ensure_webhook(self, project_name: str, webhook_name: str) -> None:
        if webhook_name != OF_INVOCATIONS:
            await WebhookRepository(self._connection).get(project_name, webhook_name)
        elif not await ProjectRepository(self._connection).exists(project_name):
            raise ProjectDoesNotExist


def _to_delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    return Delivery(
        delivery_id=DeliveryId(row.delivery_id),
        webhook_name=row.webhook_name,
        invocation_id=InvocationId(row.invocation_id),
        event=WebhookEvent(row.event),
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        last_status=row.last_status,
        last_error=row.last_error,
        creation_time=row.creation_time,
        last_attempt_time=row.last_attempt_time,
        next_attempt_time=row.next_attempt_time,
    )
