"""Whoever watches a container sees to it that one which must go does go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Interval, delete, func, insert, select, type_coerce, update
from structlog.testing import capture_logs

from activities.container_watch import ContainerWatch
from control_plane_server.catalog.base import Base
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.execution_lifecycle.stops import StopRepository
from control_plane_server.catalog.notifications import (
    CONTAINERS_CHANNEL,
    EXECUTIONS_CHANNEL,
    NotificationListener,
    notify_containers,
)
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ExitCause
from control_plane_server.domain.entities import ContainerDetails, ContainerType, ExecutionOutcome
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from environment.settings import PostgresSettings
from tests.factories import insert_function, insert_invocation, take_slot
from tests.proxy import proxy_of_postgres
from tests.simulation.containers import Fleet

GRACE = timedelta(seconds=0.2)
DETAILS = ContainerDetails(type=ContainerType.TEST, identifier="container", logs_identifier="log")
FAILURES = ("control_plane_background_failures_total", {"task": "stop_enforcement"})
GONE = ContainerExit(cause=ExitCause.STOPPED, reason="stopped", exit_code=143)


class Stubborn(Fleet):
    """A container that goes only when it has been told often enough. `refusals`: what telling it comes to before; None:
    nothing, ever."""

    def __init__(self, *, stops_needed: int, refusals: list[Exception | None] | None = None) -> None:
        super().__init__(stop_grace=GRACE)
        self.gone: asyncio.Future[ContainerExit] = asyncio.get_running_loop().create_future()
        self.looked = asyncio.Event()
        self.has_outcome = asyncio.Event()
        self.stops = 0
        self.told_at: list[float] = []
        self._stops_needed = stops_needed
        self._refusals = refusals or []

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        return await asyncio.shield(self.gone)

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        self.looked.set()
        if has_outcome:
            self.has_outcome.set()

    async def stop(self, container: Container) -> None:
        self.told_at.append(asyncio.get_running_loop().time())
        if self._refusals:
            refusal = self._refusals.pop()
            if refusal is None:
                await asyncio.Event().wait()
            else:
                raise refusal
        self.stops += 1
        if self.stops == self._stops_needed:
            self.gone.set_result(GONE)


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, [EXECUTIONS_CHANNEL, CONTAINERS_CHANNEL]) as it:
        yield it


@pytest.fixture
async def invocation(database: Database) -> InvocationId:
    """With a container that runs."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    taken = await take_slot(database, invocation_id)
    assert isinstance(taken, Assignment)
    async with database.statement() as connection:
        assert await LaunchRepository(connection).record_container(container_of(invocation_id))
    return invocation_id


def container_of(invocation_id: InvocationId) -> Container:
    return Container(name=ContainerName(execution_id=execution_id_for(invocation_id, 1), launch=1), details=DETAILS)


def watch(
    database: Database,
    listener: NotificationListener,
    fleet: Fleet,
    *,
    usual_stop: timedelta = timedelta(seconds=0.3),
    first_pause: timedelta = timedelta(seconds=0.05),
) -> ContainerWatch:
    return ContainerWatch(
        database=database,
        provisioner=fleet,
        listener=listener,
        grace=GRACE,
        usual_stop=usual_stop,
        longest_unasked=timedelta(seconds=0.3),
        call_limit=timedelta(seconds=0.2),
        first_pause=first_pause,
        longest_pause=8 * first_pause,
    )


async def stop(database: Database, invocation_id: InvocationId) -> None:
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(invocation_id, reason=StopReason.CANCELLED)


async def report(database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(execution_finish_time=func.clock_timestamp()))


async def test_what_does_not_go_is_told_again(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    fleet = Stubborn(stops_needed=2)
    watching = asyncio.create_task(watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation))
    await fleet.looked.wait()
    await stop(database, invocation)
    assert await watching == GONE
    assert fleet.stops == 2


async def test_what_has_reported_and_lingers_is_stopped_whatever_is_in_the_way(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    """Also what nobody expected, and a call that hangs."""
    failures_before = REGISTRY.get_sample_value(*FAILURES) or 0.0
    fleet = Stubborn(
        stops_needed=1, refusals=[Unavailable(), Misconfigured("no permission"), ZeroDivisionError(), None]
    )
    await report(database)
    async with asyncio.timeout(30):
        assert await watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation) == GONE
    assert REGISTRY.get_sample_value(*FAILURES) == failures_before + 1


async def test_what_takes_the_platform_long_to_end_does_not_linger_yet(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    class Slow(Stubborn):
        @property
        def usual_end(self) -> timedelta:
            return timedelta(seconds=1.5)

    fleet = Slow(stops_needed=1)
    await report(database)
    began = asyncio.get_running_loop().time()
    await watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation)
    assert fleet.told_at[0] - began >= (GRACE + fleet.usual_end).total_seconds()


@pytest.mark.parametrize("is_told_to_stop", [False, True])
async def test_the_provisioner_is_told_of_an_outcome_and_not_of_an_abort_that_may_be_forgotten(
    database: Database, listener: NotificationListener, invocation: InvocationId, is_told_to_stop: bool
) -> None:
    fleet = Stubborn(stops_needed=99)
    if is_told_to_stop:
        await stop(database, invocation)
    await report(database)
    watching = asyncio.create_task(watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation))
    async with asyncio.timeout(30):
        for _ in range(2):  # looks, after the first of which the catalog was asked
            await fleet.looked.wait()
            fleet.looked.clear()
        assert not fleet.has_outcome.is_set()
        async with database.statement() as connection:
            await connection.execute(update(ExecutionRow).values(outcome=ExecutionOutcome.SUCCEEDED))
        await fleet.has_outcome.wait()
    fleet.gone.set_result(GONE)
    assert await watching == GONE


async def test_a_stop_is_seen_though_its_notification_was_lost(database: Database, invocation: InvocationId) -> None:
    deaf = NotificationListener(database.url, [])  # never entered: nothing is heard
    fleet = Stubborn(stops_needed=1)
    watching = asyncio.create_task(watch(database, deaf, fleet).wait_for_exit(container_of(invocation), invocation))
    async with asyncio.timeout(30):
        for _ in range(2):  # looks, the first of which may still be under way
            await fleet.looked.wait()
            fleet.looked.clear()
        await stop(database, invocation)
        assert await watching == GONE


async def test_what_just_runs_is_left_alone_and_looked_at_when_there_is_news(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    fleet = Stubborn(stops_needed=1)
    watching = asyncio.create_task(watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation))
    await fleet.looked.wait()
    fleet.looked.clear()
    async with database.statement() as connection:
        await notify_containers(connection, [DETAILS.identifier])
    await fleet.looked.wait()
    fleet.gone.set_result(GONE)
    assert await watching == GONE
    assert fleet.stops == 0


async def test_what_cannot_be_stopped_now_is_told_later_and_later_and_logged_when_the_pause_is_longer(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    fleet = Stubborn(stops_needed=1, refusals=[Misconfigured("no permission") for _ in range(7)])
    await report(database)
    with capture_logs() as logs:
        async with asyncio.timeout(30):
            assert await watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation) == GONE
    pauses = [later - earlier for earlier, later in zip(fleet.told_at, fleet.told_at[1:], strict=False)]
    shortest = (0.025, 0.05, 0.1, 0.2, 0.2, 0.2, 0.2)  # half of what is doubled each time
    assert all(pause >= least for pause, least in zip(pauses, shortest, strict=True))
    events = [log["event"] for log in logs]
    assert events.count("container_lingers") == 1
    assert events.count("container_may_linger") == 4, "after 0.05, 0.1, 0.2 and 0.4 seconds"


async def test_news_cut_the_pause_short_in_which_the_catalog_is_not_asked(
    database: Database,
    listener: NotificationListener,
    invocation: InvocationId,
    postgres_settings: PostgresSettings,
) -> None:
    fleet = Stubborn(stops_needed=1)
    await report(database)
    async with proxy_of_postgres(postgres_settings) as (proxy, settings):
        behind = Database(settings.url, statement_limit=timedelta(seconds=0.5))
        proxy.fall_silent()
        with capture_logs() as logs:
            patient = watch(behind, listener, fleet, first_pause=timedelta(minutes=1))
            watching = asyncio.create_task(patient.wait_for_exit(container_of(invocation), invocation))
            while not any(log["event"] == "container_may_linger" for log in logs):
                await asyncio.sleep(0.05)
        proxy.speak()
        async with asyncio.timeout(15):
            listener.wake_all()  # as it does when it is back after a fault
            assert await watching == GONE
        await behind.close()


async def test_what_a_restored_catalog_has_forgotten_is_left_alone(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    async with database.statement() as connection:
        await connection.execute(delete(ExecutionRow))
    fleet = Stubborn(stops_needed=1)
    watching = asyncio.create_task(watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation))
    async with asyncio.timeout(30):
        for _ in range(4):  # looks, after each of which the catalog is asked
            await fleet.looked.wait()
            fleet.looked.clear()
    assert fleet.told_at == []
    fleet.gone.set_result(GONE)
    assert await watching == GONE


async def test_what_is_deleted_with_its_project_is_stopped(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    async with database.statement() as connection:
        await connection.execute(delete(ProjectRow))
    fleet = Stubborn(stops_needed=1)
    async with asyncio.timeout(30):
        assert await watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation) == GONE


async def test_what_is_not_in_a_catalog_that_is_just_being_restored_is_looked_for_once_more(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    tables: list[type[Base]] = [ProjectRow, VersionRow, FunctionRow, InvocationRow, ExecutionRow]
    async with database.statement() as connection:
        backup = [(await connection.execute(select(table.__table__))).mappings().all() for table in tables]
        await connection.execute(delete(ProjectRow))
    fleet = Stubborn(stops_needed=1)
    stop_after = timedelta(seconds=1.5)
    watching = asyncio.create_task(
        watch(database, listener, fleet, usual_stop=stop_after).wait_for_exit(container_of(invocation), invocation)
    )
    for _ in range(2):  # looks: after the first one nothing was found
        await fleet.looked.wait()
        fleet.looked.clear()
    async with database.statement() as connection:
        for table, rows in zip(tables, backup, strict=True):
            await connection.execute(insert(table), [dict(row) for row in rows])
    stop_time = asyncio.get_running_loop().time() + (GRACE + stop_after).total_seconds()
    async with asyncio.timeout(30):
        while asyncio.get_running_loop().time() < stop_time:
            await fleet.looked.wait()
            fleet.looked.clear()
    assert fleet.told_at == []
    fleet.gone.set_result(GONE)
    assert await watching == GONE


async def test_an_attempt_that_runs_for_too_long_is_recorded_and_stopped(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    """Counted from the start of the execution, of which the watch is not told."""
    fleet = Stubborn(stops_needed=1)
    timeout = timedelta(seconds=1)
    watching = asyncio.create_task(
        watch(database, listener, fleet).wait_for_exit(container_of(invocation), invocation, attempt_timeout=timeout)
    )
    await fleet.looked.wait()
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(execution_start_time=func.clock_timestamp()))
    assert await watching == GONE
    async with database.statement() as connection:
        elapsed = ExecutionRow.termination_signal_time - ExecutionRow.execution_start_time
        waited: timedelta = (await connection.execute(select(type_coerce(elapsed, Interval)))).scalar_one()
    assert timeout <= waited < 10 * timeout


async def test_an_attempt_that_has_reported_in_time_is_not_stopped_as_timed_out(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    await report(database)
    fleet = Stubborn(stops_needed=1)  # as it lingers
    await watch(database, listener, fleet).wait_for_exit(
        container_of(invocation), invocation, attempt_timeout=timedelta(milliseconds=1)
    )
    async with database.statement() as connection:
        assert await connection.scalar(select(ExecutionRow.termination_signal_time)) is None
