"""Deliveries: announced once, due in their time, given up after three days, and what their webhook says meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.catalog.webhooks.deliveries import Attempt, DeliveryRepository, DueDelivery
from control_plane_server.catalog.webhooks.delivery_log import DeliveryLogRepository
from control_plane_server.domain.errors import DeliveryDoesNotExist, ProjectDoesNotExist, WebhookDoesNotExist
from control_plane_server.domain.identifiers import FunctionRef, ProjectName
from control_plane_server.domain.webhooks import (
    OF_INVOCATIONS,
    Delivery,
    DeliveryStatus,
    DeliveryTarget,
    Webhook,
    WebhookStatus,
)
from tests.catalog.webhooks.declared import age, cancelled, declare, target_of
from tests.factories import insert_function

TAKEN = Attempt(status=204, error=None)
REFUSED = Attempt(status=500, error="it answered 500", pause=timedelta(hours=1))


async def due(database: Database, target: DeliveryTarget) -> tuple[DueDelivery, ...]:
    async with database.statement() as connection:
        return await DeliveryRepository(connection).due(target, at_most=10)


async def wait(database: Database, target: DeliveryTarget) -> timedelta | None:
    async with database.statement() as connection:
        return await DeliveryRepository(connection).wait(target)


async def record(database: Database, delivery: DueDelivery, attempt: Attempt) -> None:
    async with database.transaction() as connection:
        await DeliveryRepository(connection).record(delivery, attempt, project_name=delivery.invocation.project_name)


async def announce(database: Database) -> frozenset[DeliveryTarget]:
    async with database.statement() as connection:
        return await DeliveryRepository(connection).announce(at_most=100)


async def log(database: Database, project: str, name: str = "hook") -> tuple[Delivery, ...]:
    async with database.statement() as connection:
        page = await DeliveryLogRepository(connection).read(project, name, status=None, offset=None, max_results=10)
    return page.deliveries


async def redeliver(database: Database, project: str, delivery_id: str, name: str = "hook") -> Delivery:
    async with database.statement() as connection:
        return await DeliveryLogRepository(connection).redeliver(project, name, delivery_id)


async def webhook(database: Database, project: str) -> Webhook:
    async with database.statement() as connection:
        return await WebhookRepository(connection).get(project, "hook")


@pytest.fixture
async def function(database: Database) -> FunctionRef:
    """Of a project with a webhook."""
    function = await insert_function(database)
    await declare(database, function.project_name)
    return function


async def test_each_is_announced_to_one_of_those_who_ask(database: Database, function: FunctionRef) -> None:
    for _ in range(3):
        await cancelled(database, function)
    await cancelled(database, function, url="https://ci.example.com/a")
    told = await asyncio.gather(*(announce(database) for _ in range(5)))
    assert frozenset().union(*told) == {
        target_of(function),
        DeliveryTarget(project_name=function.project_name, target="https://ci.example.com"),
    }
    assert await announce(database) == frozenset()


async def test_one_that_nobody_sends_is_found(database: Database, function: FunctionRef) -> None:
    """Whoever was told of it died."""
    await cancelled(database, function)
    await announce(database)

    async def overdue() -> frozenset[DeliveryTarget]:
        async with database.statement() as connection:
            return await DeliveryRepository(connection).overdue(older_than=timedelta(minutes=30), at_most=10)

    assert await overdue() == frozenset()
    await age(database, hours=1)
    assert await overdue() == {target_of(function)}
    (delivery,) = await due(database, target_of(function))
    await record(database, delivery, TAKEN)
    assert await overdue() == frozenset()


async def test_one_that_is_taken_is_over(database: Database, function: FunctionRef) -> None:
    invocation = await cancelled(database, function)
    (delivery,) = await due(database, target_of(function))
    assert delivery.url == "https://hooks.example.com/a"
    assert (delivery.invocation.invocation_id, delivery.invocation.outcome) == (invocation, "CANCELLED")
    assert await wait(database, target_of(function)) == timedelta()
    for attempt in (TAKEN, REFUSED):  # what comes later, from a process that was paused, changes nothing
        await record(database, delivery, attempt)
    assert await due(database, target_of(function)) == ()
    assert await wait(database, target_of(function)) is None
    (told,) = await log(database, function.project_name)
    assert (told.status, told.attempts, told.last_status, told.last_error) == (DeliveryStatus.DELIVERED, 1, 204, None)
    assert told.next_attempt_time is None


async def test_one_that_fails_is_due_again_after_its_pause(database: Database, function: FunctionRef) -> None:
    await cancelled(database, function)
    (delivery,) = await due(database, target_of(function))
    await record(database, delivery, REFUSED)
    assert await due(database, target_of(function)) == ()
    left = await wait(database, target_of(function))
    assert left is not None
    assert timedelta(minutes=30) < left <= timedelta(hours=1)
    (told,) = await log(database, function.project_name)
    assert (told.status, told.attempts, told.last_status) == (DeliveryStatus.PENDING, 1, 500)
    assert told.last_error == "it answered 500"
    await age(database, hours=2)
    (again,) = await due(database, target_of(function))
    assert (again.delivery_id, again.attempts) == (delivery.delivery_id, 1)


async def test_one_that_failed_for_three_days_is_given_up_and_may_be_sent_by_hand(
    database: Database, function: FunctionRef
) -> None:
    """Its webhook is marked, goes on being told, and is as before when it takes something."""
    await cancelled(database, function)
    project = function.project_name
    (delivery,) = await due(database, target_of(function))
    await record(database, delivery, REFUSED)
    assert (await webhook(database, project)).status is WebhookStatus.FAILING
    await age(database, hours=71.5)
    await record(database, delivery, REFUSED)
    (told,) = await log(database, project)
    assert (told.status, told.attempts) == (DeliveryStatus.GIVEN_UP, 2)
    assert await wait(database, target_of(function)) is None
    await age(database, hours=1)
    assert (await webhook(database, project)).status is WebhookStatus.FAILED
    await cancelled(database, function)
    assert len(await log(database, project)) == 2
    await announce(database)
    for _ in range(2):
        sent = await redeliver(database, project, delivery.delivery_id)
        assert (sent.delivery_id, sent.status, sent.attempts) == (delivery.delivery_id, DeliveryStatus.PENDING, 2)
    assert await announce(database) == {target_of(function)}
    await record(database, delivery, REFUSED)  # it has three days again
    assert DeliveryStatus.GIVEN_UP not in {told.status for told in await log(database, project)}
    await record(database, delivery, TAKEN)
    assert (await webhook(database, project)).status is WebhookStatus.ACTIVE


async def test_another_url_is_not_failing_and_gets_what_is_pending(database: Database, function: FunctionRef) -> None:
    await cancelled(database, function)
    (delivery,) = await due(database, target_of(function))
    await record(database, delivery, replace(REFUSED, pause=timedelta()))
    project = function.project_name
    await declare(database, project)
    assert (await webhook(database, project)).status is WebhookStatus.FAILING
    await declare(database, project, url="https://other.example.com")
    assert (await webhook(database, project)).status is WebhookStatus.ACTIVE
    (again,) = await due(database, target_of(function))
    assert again.url == "https://other.example.com"


async def test_what_is_pending_for_a_webhook_that_is_gone_has_no_url(database: Database, function: FunctionRef) -> None:
    await cancelled(database, function)
    async with database.statement() as connection:
        await WebhookRepository(connection).delete(function.project_name, "hook")
    (delivery,) = await due(database, target_of(function))
    assert delivery.url is None
    await record(database, delivery, Attempt(status=None, error="the webhook was deleted"))
    assert await wait(database, target_of(function)) is None
    with pytest.raises(WebhookDoesNotExist):
        await log(database, function.project_name)
    await declare(database, function.project_name)
    (told,) = await log(database, function.project_name)
    assert told.status is DeliveryStatus.GIVEN_UP


async def test_those_of_invocations_have_a_log_of_their_own(database: Database, function: FunctionRef) -> None:
    url = "https://ci.example.com/a"
    await cancelled(database, function, url=url)
    project = function.project_name
    (told,) = await log(database, project, OF_INVOCATIONS)
    (delivery,) = await due(database, DeliveryTarget(project_name=project, target="https://ci.example.com"))
    assert (delivery.delivery_id, delivery.url) == (told.delivery_id, url)
    await redeliver(database, project, told.delivery_id, OF_INVOCATIONS)
    with pytest.raises(DeliveryDoesNotExist):
        await redeliver(database, project, told.delivery_id)
    with pytest.raises(ProjectDoesNotExist):
        await log(database, ProjectName("no-project"), OF_INVOCATIONS)


async def test_the_log_is_read_page_by_page(database: Database, function: FunctionRef) -> None:
    for _ in range(5):
        await cancelled(database, function)
    async with database.statement() as connection:
        await connection.execute(text("UPDATE webhook_deliveries SET creation_time = date_trunc('day', creation_time)"))
    seen: list[str] = []
    offset: str | None = None
    while len(seen) < 5:
        async with database.statement() as connection:
            page = await DeliveryLogRepository(connection).read(
                function.project_name, "hook", status=DeliveryStatus.PENDING, offset=offset, max_results=2
            )
        seen += [delivery.delivery_id for delivery in page.deliveries]
        offset = page.next_offset
    assert offset is None
    assert seen == sorted(set(seen))
