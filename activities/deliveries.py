"""Sends webhooks: the activity of a target's deliveries, with the services that it uses."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from temporalio import activity

from activities import metrics
from activities.heartbeat import keep_heartbeating
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.webhooks.deliveries import Attempt, DeliveryRepository, DueDelivery
from control_plane_server.catalog.webhooks.signing_secrets import SigningSecretRepository
from control_plane_server.domain.errors import SecretsAreUnreadable
from control_plane_server.domain.messages import DeliveryProgress
from control_plane_server.domain.reasons import storable
from control_plane_server.domain.webhooks import DeliveryTarget
from control_plane_server.liveness.progress import note_progress
from control_plane_server.webhooks.messages import body_of, signed_headers
from control_plane_server.webhooks.sender import NotDelivered, WebhookSender
from workflows import policies
from workflows.ports import DeliveryActivities

logger = structlog.get_logger(__name__)

# Requests to one target at once.
_AT_ONCE = 8
_PAGE = 4 * _AT_ONCE
# Then others have their turn: the places of a process are taken by targets.
_TURN = timedelta(minutes=1)
_LONGEST_ERROR = 500
_IS_DELETED = Attempt(status=None, error="the webhook was deleted")


class BoundDeliveryActivities(DeliveryActivities):
    def __init__(self, *, database: Database, sender: WebhookSender, keys: SecretKeys) -> None:
        """`keys`: with which signing secrets are encrypted."""
        self._database = database
        self._sender = sender
        self._keys = keys

    @activity.defn(name="deliver_due")
    async def deliver_due(self, target: DeliveryTarget) -> DeliveryProgress:
        """What was sent when its process died, and not recorded, is sent again."""
        attempts = 0
        async with keep_heartbeating():
            ends = asyncio.get_running_loop().time() + _TURN.total_seconds()
            while asyncio.get_running_loop().time() < ends and not activity.is_worker_shutdown():
                async with self._database.statement() as connection:
                    due = await DeliveryRepository(connection).due(target, at_most=_PAGE)
                if not due:
                    break
                await self._deliver(target, due)
                attempts += len(due)
            async with self._database.statement() as connection:
                wait = await DeliveryRepository(connection).wait(target)
        return DeliveryProgress(attempts=attempts, next_seconds=None if wait is None else wait.total_seconds())

    async def _deliver(self, target: DeliveryTarget, due: Sequence[DueDelivery]) -> None:
        """Raises CatalogIsAway, once all have been tried."""
        async with self._database.statement() as connection:
            try:
                secrets: tuple[str, ...] = await SigningSecretRepository(connection).valid(
                    target.project_name, due[0].webhook_name, keys=self._keys
                )
            except SecretsAreUnreadable:
                secrets = ()
        turns = asyncio.Semaphore(_AT_ONCE)

        async def deliver(delivery: DueDelivery) -> None:
            async with turns:
                if activity.is_worker_shutdown():  # what is not sent yet is left to another process
                    return
                attempt = await self._attempt(delivery, secrets)
                note_progress()
                async with self._database.transaction() as connection:
                    await DeliveryRepository(connection).record(delivery, attempt, project_name=target.project_name)
            metrics.WEBHOOK_ATTEMPTS.labels("delivered" if attempt.error is None else "failed").inc()

        for result in await asyncio.gather(*map(deliver, due), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _attempt(self, delivery: DueDelivery, secrets: Sequence[str]) -> Attempt:
        """One that fails in a way that nobody expected has failed as any other: it keeps no other from being sent."""
        if delivery.url is None:
            return _IS_DELETED
        try:
            if not secrets:
                raise NotDelivered(
                    "its signing secret cannot be read: is its key in CONTROL_PLANE_SECRETS_KEYS of loop?"
                )
            body = body_of(delivery.event, delivery.invocation)
            headers = signed_headers(delivery.delivery_id, body, signing_secrets=secrets, now=datetime.now(UTC))
            status = await self._sender.send(delivery.url, body.encode(), headers)
        except Exception as error:
            refusal = error if isinstance(error, NotDelivered) else NotDelivered(f"{type(error).__name__}: {error}")
            if refusal is not error:
                logger.warning("webhook_fails_unexpectedly", delivery=delivery.delivery_id, exc_info=error)
            return Attempt(
                status=refusal.status,
                error=(storable(str(refusal)) or "")[:_LONGEST_ERROR],
                pause=policies.delivery_pause_after(
                    delivery.attempts + 1, drawn=random.random(), retry_after=refusal.retry_after
                ),
            )
        return Attempt(status=status, error=None)
