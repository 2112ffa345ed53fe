"""Webhooks on their way to receivers of this machine: sent, recorded, tried again, and sent again after a death."""

import asyncio
from dataclasses import dataclass

import pytest
from standardwebhooks.webhooks import Webhook
from temporalio.testing import ActivityEnvironment

from activities.deliveries import BoundDeliveryActivities
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.catalog.webhooks.delivery_log import DeliveryLogRepository
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.messages import DeliveryProgress
from control_plane_server.domain.webhooks import Delivery, DeliveryStatus
from tests.catalog.webhooks.declared import KEYS, SECRET, cancelled, declare, target_of
from tests.factories import insert_function
from tests.webhooks.receivers import Answering, Receiver, receiver, sender, silence, status


@dataclass(kw_only=True)
class Told:
    """A project with a webhook to a receiver."""

    database: Database
    function: FunctionRef
    receiver: Receiver

    async def deliver(self, *, keys: SecretKeys = KEYS, seconds: float = 10) -> DeliveryProgress:
        activities = BoundDeliveryActivities(database=self.database, sender=sender(seconds=seconds), keys=keys)
        result: DeliveryProgress = await ActivityEnvironment().run(activities.deliver_due, target_of(self.function))
        return result

    async def log(self) -> tuple[Delivery, ...]:
        async with self.database.statement() as connection:
            page = await DeliveryLogRepository(connection).read(
                self.function.project_name, "hook", status=None, offset=None, max_results=200
            )
        return page.deliveries


async def told(database: Database, it: Receiver) -> Told:
    function = await insert_function(database)
    await declare(database, function.project_name, url=it.url())
    return Told(database=database, function=function, receiver=it)


async def test_a_receiver_takes_what_its_secret_verifies(database: Database) -> None:
    async with receiver(status(200)) as it:
        project = await told(database, it)
        invocation = await cancelled(database, project.function)
        assert await project.deliver() == DeliveryProgress(attempts=1, next_seconds=None)
        (received,) = it.received
        message = Webhook(SECRET).verify(received.body, received.headers)
        assert (message["type"], message["data"]["invocation_id"]) == ("invocation.cancelled", invocation)
        (delivery,) = await project.log()
        assert delivery.delivery_id == received.headers["webhook-id"]
        assert (delivery.status, delivery.last_status) == (DeliveryStatus.DELIVERED, 200)


@pytest.mark.parametrize(
    ("answer", "code", "error", "seconds"),
    [
        (status(500), 500, "it answered 500", 5),
        (silence, None, "it took longer than 0.5 s", 5),
        (status(503, "Retry-After: 3600"), 503, "it answered 503", 3_600),
        (status(307, "Location: http://169.254.169.254/"), 307, "redirects are not followed", 5),
    ],
)
async def test_a_failure_is_recorded_and_tried_again_under_the_same_id(
    database: Database, answer: Answering, code: int | None, error: str, seconds: float
) -> None:
    async with receiver(answer, status(200)) as it:
        project = await told(database, it)
        await cancelled(database, project.function)
        progress = await project.deliver(seconds=0.5)
        assert progress.attempts == 1
        assert progress.next_seconds is not None
        assert seconds - 5 < progress.next_seconds < seconds * 1.21
        (delivery,) = await project.log()
        assert (delivery.status, delivery.last_status) == (DeliveryStatus.PENDING, code)
        assert error in str(delivery.last_error)
        async with database.statement() as connection:
            await DeliveryLogRepository(connection).redeliver(
                project.function.project_name, "hook", delivery.delivery_id
            )
        await project.deliver()
        assert {received.headers["webhook-id"] for received in it.received} == {delivery.delivery_id}
        assert (await project.log())[0].status is DeliveryStatus.DELIVERED


async def test_what_was_sent_when_its_process_died_is_sent_again(database: Database) -> None:
    """Nothing is lost: what was not recorded is due as before."""
    async with receiver(silence, status(200)) as it:
        project = await told(database, it)
        await cancelled(database, project.function)
        dying = asyncio.create_task(project.deliver())
        async with asyncio.timeout(20):
            while not it.received:
                await asyncio.sleep(0.01)
        dying.cancel()
        await asyncio.wait((dying,))
        assert (await project.log())[0].attempts == 0
        await project.deliver()
        first, second = it.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert (await project.log())[0].status is DeliveryStatus.DELIVERED


async def test_only_a_few_are_sent_at_once(database: Database) -> None:
    running = most = 0

    async def slowly(writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        await status(200)(writer)

    async with receiver(slowly) as it:
        project = await told(database, it)
        for _ in range(40):
            await cancelled(database, project.function)
        assert await project.deliver() == DeliveryProgress(attempts=40, next_seconds=None)
        assert {delivery.status for delivery in await project.log()} == {DeliveryStatus.DELIVERED}
    assert most == 8


async def test_what_is_pending_for_a_webhook_that_is_gone_is_given_up(database: Database) -> None:
    async with receiver(status(200)) as it:
        project = await told(database, it)
        await cancelled(database, project.function)
        async with database.statement() as connection:
            await WebhookRepository(connection).delete(project.function.project_name, "hook")
        assert (await project.deliver()).next_seconds is None
        assert it.received == []


async def test_without_its_key_nothing_is_sent_unsigned(database: Database) -> None:
    async with receiver(status(200)) as it:
        project = await told(database, it)
        await cancelled(database, project.function)
        await project.deliver(keys=SecretKeys())
        assert it.received == []
        (delivery,) = await project.log()
        assert "CONTROL_PLANE_SECRETS_KEYS of loop" in str(delivery.last_error)
        assert delivery.status is DeliveryStatus.PENDING
