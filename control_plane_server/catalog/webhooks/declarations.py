"""Webhooks of projects: set, listed, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, case, delete, exists, func, insert, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.tables import ProjectRow, epoch_second
from control_plane_server.catalog.webhooks.tables import WebhookRow, WebhookSecretRow
from control_plane_server.domain.bounds import MAX_WEBHOOKS
from control_plane_server.domain.errors import (
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    TooManyWebhooks,
    WebhookDoesNotExist,
)
from control_plane_server.domain.webhooks import DELIVERY_PATIENCE, Webhook, WebhookEvent

_NOW = func.statement_timestamp()
_COLUMNS = (
    WebhookRow.webhook_name,
    WebhookRow.url,
    WebhookRow.events,
    WebhookRow.creation_time,
    WebhookRow.last_update_time,
    WebhookRow.failing_since,
    func.coalesce(WebhookRow.failing_since < _NOW - DELIVERY_PATIENCE, False).label("is_failed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPage:
    """`next_offset`: where the next page begins; None on the last page."""

    webhooks: tuple[Webhook, ...]
    next_offset: str | None


class WebhookRepository:
    """The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self, project_name: str, webhook_name: str, *, url: str, events: Sequence[WebhookEvent]
    ) -> tuple[Webhook, bool]:
        """Set it, and whether it is new: needs a transaction, in which a new one gets its secret. With another URL it
        is not failing. Raises ProjectDoesNotExist, ProjectIsBeingDeleted, TooManyWebhooks."""
        # Its lock lets two that are new at once come one after the other.
        project = await self._connection.execute(
            select(ProjectRow.closing_time)
            .where(ProjectRow.project_name == searchable(project_name))
            .with_for_update(key_share=True)
        )
        found = project.one_or_none()
        if found is None:
            raise ProjectDoesNotExist
        if found.closing_time is not None:
            raise ProjectIsBeingDeleted
        told = {"url": url, "events": list(events)}
        changed = await self._connection.execute(
            update(WebhookRow)
            .where(*_is(project_name, webhook_name))
            .values(
                **told,
                last_update_time=_NOW,
                failing_since=case((WebhookRow.url == url, WebhookRow.failing_since), else_=null()),
            )
            .returning(*_COLUMNS)
        )
        row = changed.one_or_none()
        if row is not None:
            return _to_webhook(row), False
        others = select(func.count()).select_from(WebhookRow).where(WebhookRow.project_name == project_name)
        if (await self._connection.execute(others)).scalar_one() >= MAX_WEBHOOKS:
            raise TooManyWebhooks
        made = await self._connection.execute(
            insert(WebhookRow).values(project_name=project_name, webhook_name=webhook_name, **told).returning(*_COLUMNS)
        )
        return _to_webhook(made.one()), True

    async def get(self, project_name: str, webhook_name: str) -> Webhook:
        """Raises ProjectDoesNotExist, WebhookDoesNotExist."""
        found = await self._connection.execute(select(*_COLUMNS).where(*_is(project_name, webhook_name)))
        row = found.one_or_none()
        if row is None:
            raise await self._missing(project_name)
        return _to_webhook(row)

    async def delete(self, project_name: str, webhook_name: str) -> Webhook:
        """With its secrets. Its deliveries stay as long as their invocations; those that are pending are given up.
        Raises ProjectDoesNotExist, WebhookDoesNotExist."""
        secrets = (
            delete(WebhookSecretRow)
            .where(
                WebhookSecretRow.project_name == searchable(project_name),
                WebhookSecretRow.webhook_name == searchable(webhook_name),
                exists().where(*_is(project_name, webhook_name)),
            )
            .cte("secrets")
        )
        deleted = await self._connection.execute(
            delete(WebhookRow).where(*_is(project_name, webhook_name)).returning(*_COLUMNS).add_cte(secrets)
        )
        row = deleted.one_or_none()
        if row is None:
            raise await self._missing(project_name)
        return _to_webhook(row)

    async def list_of_project(self, project_name: str, *, offset: str | None, max_results: int) -> WebhookPage:
        """Newest first by whole seconds, then by name. Raises ProjectDoesNotExist, OffsetIsInvalid."""
        second = epoch_second(WebhookRow.creation_time)
        page = (
            select(*_COLUMNS, second.label("second"))
            .where(WebhookRow.project_name == searchable(project_name))
            .order_by(second.desc(), WebhookRow.webhook_name)
            .limit(max_results + 1)
        )
        if offset is not None:
            start = PageStart.parse(offset)
            page = page.where(
                or_(second < start.second, and_(second == start.second, WebhookRow.webhook_name >= start.item_id))
            )
        rows = (await self._connection.execute(page)).all()
        if not rows:
            await self._ensure_project(project_name)
        following = rows[max_results] if len(rows) > max_results else None
        return WebhookPage(
            webhooks=tuple(map(_to_webhook, rows[:max_results])),
            next_offset=(
                None if following is None else str(PageStart(second=following.second, item_id=following.webhook_name))
            ),
        )

    async def _missing(self, project_name: str) -> WebhookDoesNotExist:
        """Raises ProjectDoesNotExist."""
        await self._ensure_project(project_name)
        return WebhookDoesNotExist()

    async def _ensure_project(self, project_name: str) -> None:
        if not await ProjectRepository(self._connection).exists(project_name):
            raise ProjectDoesNotExist


def _is(project_name: str, webhook_name: str) -> tuple[ColumnElement[bool], ...]:
    return (
        WebhookRow.project_name == searchable(project_name),
        WebhookRow.webhook_name == searchable(webhook_name),
    )


def _to_webhook(row: Row[*tuple[Any, ...]]) -> Webhook:
    return Webhook(
        webhook_name=row.webhook_name,
        url=row.url,
        events=tuple(map(WebhookEvent, row.events)),
        creation_time=row.creation_time,
        last_update_time=row.last_update_time,
        failing_since=row.failing_since,
        is_failed=row.is_failed,
    )
