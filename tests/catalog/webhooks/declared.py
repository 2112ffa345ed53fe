"""Webhooks that tests declare, and the ends that are told to them."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.catalog.webhooks.signing_secrets import SigningSecretRepository
from control_plane_server.catalog.webhooks.tables import WebhookDeliveryRow
from control_plane_server.domain.identifiers import FunctionRef, InvocationId
from control_plane_server.domain.messages import StopReason
from control_plane_server.domain.webhooks import DeliveryTarget, Webhook, WebhookEvent
from tests.factories import insert_invocation

KEYS = SecretKeys(("A" * 43 + "=",))
SECRET = "whsec_" + "MDEy" * 8
ALL = tuple(WebhookEvent)


async def declare(
    database: Database,
    project: str,
    name: str = "hook",
    *,
    url: str = "https://hooks.example.com/a",
    events: Sequence[WebhookEvent] = ALL,
) -> Webhook:
    async with database.transaction() as connection:
        webhook, is_new = await WebhookRepository(connection).put(project, name, url=url, events=events)
        if is_new:
            await SigningSecretRepository(connection).replace(
                project, name, SECRET, keys=KEYS, overlap=timedelta(days=1)
            )
    return webhook


async def cancelled(database: Database, function: FunctionRef, *, url: str | None = None) -> InvocationId:
    """An invocation that has ended. `url`: of a webhook of its own."""
    invocation = await insert_invocation(database, function)
    if url is not None:
        async with database.statement() as connection:
            await connection.execute(
                update(InvocationRow)
                .where(InvocationRow.invocation_id == invocation)
                .values(webhook_url=url, webhook_events=list(ALL))
            )
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.CANCELLED)
    return invocation


async def noted(database: Database) -> list[tuple[str, str, str, str]]:
    """Webhook, target, invocation and event of all deliveries."""
    columns = (
        WebhookDeliveryRow.webhook_name,
        WebhookDeliveryRow.target,
        WebhookDeliveryRow.invocation_id,
        WebhookDeliveryRow.event,
    )
    async with database.statement() as connection:
        rows = await connection.execute(select(*columns).order_by(*columns))
        return [(row.webhook_name, row.target, row.invocation_id, row.event) for row in rows]


async def age(database: Database, *, hours: float) -> None:
    """All times of deliveries and webhooks were so much earlier."""
    async with database.statement() as connection:
        for table, columns in (
            ("webhook_deliveries", ("creation_time", "pending_since", "next_attempt_time", "last_attempt_time")),
            ("webhooks", ("failing_since",)),
            ("webhook_secrets", ("expiry_time",)),
        ):
            earlier = ", ".join(f"{column} = {column} - interval '{hours} hours'" for column in columns)
            await connection.execute(text(f"UPDATE {table} SET {earlier}"))


def target_of(function: FunctionRef, name: str = "hook") -> DeliveryTarget:
    return DeliveryTarget(project_name=function.project_name, target=name)
