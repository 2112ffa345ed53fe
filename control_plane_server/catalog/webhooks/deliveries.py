"""Deliveries on their way: announced, due, attempted. How they come into being is in `outbox.py`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, any_, case, func, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.tables import FunctionRow, InvocationRow, VersionRow
from control_plane_server.catalog.webhooks.tables import WebhookDeliveryRow, WebhookRow
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import FunctionName, InvocationId, ProjectName, VersionId
from control_plane_server.domain.told_ends import EndedInvocation
from control_plane_server.domain.webhooks import (
    DELIVERY_PATIENCE,
    OF_INVOCATIONS,
    DeliveryId,
    DeliveryStatus,
    DeliveryTarget,
    WebhookEvent,
)

_NOW = func.statement_timestamp()
_PENDING = WebhookDeliveryRow.status == DeliveryStatus.PENDING
_IS_OF_INVOCATIONS = WebhookDeliveryRow.webhook_name == OF_INVOCATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """What is to be sent. `url`: None if the webhook is gone. `attempts`: that there were."""

    delivery_id: DeliveryId
    webhook_name: str
    url: str | None
    event: WebhookEvent
    attempts: int
    invocation: EndedInvocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How an attempt went. `status`: of HTTP; None if no answer came. `error`: None if it was taken. `pause`: before
    the next attempt, if it was not; None: there is none."""

    status: int | None
    error: str | None
    pause: timedelta | None = None


class DeliveryRepository:
    """The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def announce(self, *, at_most: int) -> frozenset[DeliveryTarget]:
        """The targets of new deliveries whose workflow nobody has taken upon himself to start: each is told once."""
        new = (
            select(WebhookDeliveryRow.delivery_id)
            .where(_PENDING, WebhookDeliveryRow.announced_time.is_(None))
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        announced = await self._connection.execute(
            update(WebhookDeliveryRow)
            .where(
                WebhookDeliveryRow.delivery_id == any_(func.array(new.scalar_subquery()))
            )  # read once, as a limit is
            .values(announced_time=_NOW)
            .returning(WebhookDeliveryRow.project_name, WebhookDeliveryRow.target)
        )
        return _targets(announced)

    async def overdue(self, *, older_than: timedelta, at_most: int) -> frozenset[DeliveryTarget]:
        """Targets that have deliveries which should have been attempted so long ago."""
        found = await self._connection.execute(
            select(WebhookDeliveryRow.project_name, WebhookDeliveryRow.target)
            .where(_PENDING, WebhookDeliveryRow.next_attempt_time < _NOW - older_than)
            .distinct()
            .limit(at_most)
        )
        return _targets(found)

    async def due(self, target: DeliveryTarget, *, at_most: int) -> tuple[DueDelivery, ...]:
        """What is to be attempted now, the longest due first."""
        rows = await self._connection.execute(
            _DUE.where(*_is_to(target), WebhookDeliveryRow.next_attempt_time <= _NOW).limit(at_most)
        )
        return tuple(map(_to_due, rows))

    async def wait(self, target: DeliveryTarget) -> timedelta | None:
        """How long until the next delivery to it is due; None if none is pending."""
        next_time = func.min(WebhookDeliveryRow.next_attempt_time)
        found: timedelta | None = await self._connection.scalar(select(next_time - _NOW).where(*_is_to(target)))
        return None if found is None else max(found, timedelta())

    async def record(self, delivery: DueDelivery, attempt: Attempt, *, project_name: ProjectName) -> None:
        """Note an attempt, with what it says about its webhook. One that is pending no longer is left alone."""
        is_taken = attempt.error is None
        next_time = _NOW + (attempt.pause or timedelta())
        gives_up = or_(
            literal(attempt.pause is None), next_time >= WebhookDeliveryRow.pending_since + DELIVERY_PATIENCE
        )
        await self._connection.execute(
            update(WebhookDeliveryRow)
            .where(WebhookDeliveryRow.delivery_id == delivery.delivery_id, _PENDING)
            .values(
                status=(
                    DeliveryStatus.DELIVERED
                    if is_taken
                    else case((gives_up, DeliveryStatus.GIVEN_UP.value), else_=DeliveryStatus.PENDING.value)
                ),
                attempts=WebhookDeliveryRow.attempts + 1,
                last_attempt_time=_NOW,
                last_status=attempt.status,
                last_error=attempt.error,
                next_attempt_time=next_time,
            )
        )
        if delivery.url is not None and delivery.webhook_name != OF_INVOCATIONS:
            await self._note_in_webhook(project_name, delivery.webhook_name, is_taken=is_taken)

    async def _note_in_webhook(self, project_name: ProjectName, webhook_name: str, *, is_taken: bool) -> None:
        changes = WebhookRow.failing_since.is_not(None) if is_taken else WebhookRow.failing_since.is_(None)
        await self._connection.execute(
            update(WebhookRow)
            .where(WebhookRow.project_name == project_name, WebhookRow.webhook_name == webhook_name, changes)
            .values(failing_since=null() if is_taken else _NOW)
        )


def _is_to(target: DeliveryTarget) -> tuple[ColumnElement[bool], ...]:
    return (
        _PENDING,
        WebhookDeliveryRow.project_name == target.project_name,
        WebhookDeliveryRow.target == target.target,
    )


_DUE: Select[*tuple[Any, ...]] = (
    select(
        WebhookDeliveryRow.delivery_id,
        WebhookDeliveryRow.webhook_name,
        case((_IS_OF_INVOCATIONS, InvocationRow.webhook_url), else_=WebhookRow.url).label("url"),
        WebhookDeliveryRow.event,
        WebhookDeliveryRow.attempts,
        WebhookDeliveryRow.project_name,
        VersionRow.version_id,
        FunctionRow.function_name,
        InvocationRow.invocation_id,
        InvocationRow.batch_id,
        InvocationRow.schedule_name,
        InvocationRow.replayed_from,
        InvocationRow.parent_invocation_id,
        InvocationRow.outcome,
        InvocationRow.error_message,
        InvocationRow.attempts.label("executions"),
        InvocationRow.tags,
        InvocationRow.creation_time,
        WebhookDeliveryRow.creation_time.label("end_time"),
    )
    .select_from(WebhookDeliveryRow)
    .join(InvocationRow, InvocationRow.invocation_id == WebhookDeliveryRow.invocation_id)
    .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .outerjoin(
        WebhookRow,
        and_(
            WebhookRow.project_name == WebhookDeliveryRow.project_name,
            WebhookRow.webhook_name == WebhookDeliveryRow.webhook_name,
        ),
    )
    .order_by(WebhookDeliveryRow.next_attempt_time)
)


def _targets(rows: Any) -> frozenset[DeliveryTarget]:
    return frozenset(DeliveryTarget(project_name=row.project_name, target=row.target) for row in rows)


def _to_due(row: Row[*tuple[Any, ...]]) -> DueDelivery:
    return DueDelivery(
        delivery_id=DeliveryId(row.delivery_id),
        webhook_name=row.webhook_name,
        url=row.url,
        event=WebhookEvent(row.event),
        attempts=row.attempts,
        invocation=EndedInvocation(
            project_name=ProjectName(row.project_name),
            version_id=VersionId(row.version_id),
            function_name=FunctionName(row.function_name),
            invocation_id=InvocationId(row.invocation_id),
            batch_id=row.batch_id,
            schedule_name=row.schedule_name,
            replayed_from=row.replayed_from,
            parent_invocation_id=row.parent_invocation_id,
            outcome=InvocationOutcome(row.outcome),
            error_message=row.error_message,
            attempts=row.executions,
            tags=row.tags or {},
            creation_time=row.creation_time,
            end_time=row.end_time,
        ),
    )
