"""What deliveries ask for is found by indexes, where very many were taken and a receiver keeps thousands waiting."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.webhooks.deliveries import Attempt, DeliveryRepository
from control_plane_server.catalog.webhooks.delivery_log import DeliveryLogRepository
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.webhooks import DeliveryStatus
from tests.catalog.plans import ENDED, MOST_ROWS, PAGE, check_plans
from tests.catalog.webhooks.declared import declare, target_of
from tests.statements import Statement

_UNANNOUNCED, _GIVEN_UP, _PENDING = 10, 50, ENDED // 4


@pytest.fixture
async def told(database: Database, function: FunctionRef) -> FunctionRef:
    """Of all that have ended a webhook was told, or is to be: a quarter waits for its receiver, half of that is due."""
    await declare(database, function.project_name)
    async with database.long_transaction() as connection:
        await connection.execute(
            text(f"""
            INSERT INTO webhook_deliveries (delivery_id, project_name, webhook_name, target, invocation_id, event,
                status, creation_time, announced_time, next_attempt_time)
            SELECT 'whd-' || n, :project, 'hook', 'hook', 'inv-' || n, 'invocation.succeeded',
                CASE WHEN n <= {_PENDING} THEN 'PENDING' WHEN n <= {_PENDING + _GIVEN_UP} THEN 'GIVEN_UP'
                    ELSE 'DELIVERED' END,
                clock_timestamp() - n * interval '1 second', CASE WHEN n > {_UNANNOUNCED} THEN clock_timestamp() END,
                clock_timestamp() + ({_PENDING // 2} - n) * interval '1 hour'
            FROM generate_series(1, {ENDED}) AS n
            """),
            {"project": function.project_name},
        )
        await connection.execute(text("ANALYZE"))
    return function


async def test_what_is_sent(database: Database, told: FunctionRef, statements: list[Statement]) -> None:
    target = target_of(told)
    failed = Attempt(status=500, error="it answered 500", pause=timedelta(hours=1))
    async with database.transaction() as connection:
        deliveries = DeliveryRepository(connection)
        assert await deliveries.announce(at_most=1_000) == {target}
        assert await deliveries.wait(target) == timedelta()
        *_, last = due = await deliveries.due(target, at_most=PAGE)
        await deliveries.record(last, failed, project_name=told.project_name)
    assert len(due) == PAGE
    await check_plans(database, statements, most_rows=5 * PAGE)  # with the invocation and the function of each


async def test_what_nobody_sends(database: Database, told: FunctionRef, statements: list[Statement]) -> None:
    """Looked for once a minute: what is due is gone through, and nothing that was told."""
    async with database.statement() as connection:
        overdue = await DeliveryRepository(connection).overdue(older_than=timedelta(minutes=5), at_most=PAGE)
    assert overdue == {target_of(told)}
    await check_plans(database, statements, most_rows=_PENDING // 2)


@pytest.mark.parametrize("status", [None, *DeliveryStatus])
async def test_what_users_see(
    database: Database, told: FunctionRef, statements: list[Statement], status: DeliveryStatus | None
) -> None:
    async with database.statement() as connection:
        log = DeliveryLogRepository(connection)
        first = await log.read(told.project_name, "hook", status=status, offset=None, max_results=PAGE)
        if first.next_offset is not None:
            await log.read(told.project_name, "hook", status=status, offset=first.next_offset, max_results=PAGE)
        delivery_id = first.deliveries[0].delivery_id
        await log.redeliver(told.project_name, "hook", delivery_id)
    assert len(first.deliveries) == (_GIVEN_UP if status is DeliveryStatus.GIVEN_UP else PAGE)
    # Those that were taken stand behind those that wait.
    most = _PENDING + MOST_ROWS if status is DeliveryStatus.DELIVERED else MOST_ROWS
    await check_plans(database, statements, most_rows=most)
