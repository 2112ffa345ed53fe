"""A container that could not reach the API is an operator's matter; one whose code ends likewise is its user's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, update
from temporalio.client import Client

from activities.container_launcher import LaunchTools
from activities.container_watch import ContainerWatch
from activities.execution_spans import ExecutionSpans
from activities.executions import ExecutionRunner
from activities.messenger import Messenger
from activities.unreached_api import told_apart
from activities.warm.lease_watch import LeaseWatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.notifications import CONTAINERS_CHANNEL, EXECUTIONS_CHANNEL, NotificationListener
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.containers import (
    FIRST_LINE,
    Container,
    ContainerExit,
    ContainerName,
    ExitCause,
    LogEntry,
    LogPage,
    LogStart,
)
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerType,
    InvocationOutcome,
    InvocationStatus,
)
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import RunExecutionRequest
from tests.factories import insert_function, insert_invocation, take_slot
from tests.simulation.containers import Fleet

SAID = "This container could not reach MULTINODE_API_URL. It does not answer"
FOUND = ContainerExit(cause=ExitCause.EXITED, reason="exit code 78", exit_code=78)


class Talkative(Fleet):
    """`lines`: of every log; None: no log can be read."""

    def __init__(self, lines: tuple[str, ...] | None) -> None:
        super().__init__(stop_grace=timedelta(1))
        self._lines = lines

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        if self._lines is None:
            raise Unavailable("throttled")
        return LogPage(entries=tuple(LogEntry(line=line) for line in self._lines), next_offset=None)


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, [EXECUTIONS_CHANNEL, CONTAINERS_CHANNEL]) as it:
        yield it


@pytest.fixture
async def invocation(database: Database) -> InvocationId:
    """With an execution that has a slot and has not started."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    await take_slot(database, invocation_id)
    return invocation_id


async def tools_for(database: Database, listener: NotificationListener, fleet: Fleet) -> LaunchTools:
    return LaunchTools(
        spans=ExecutionSpans(None),
        database=database,
        provisioner=fleet,
        listener=listener,
        messenger=Messenger(await Client.connect("nobody.invalid:7233", lazy=True), database),
        signing_key="key",
    )


def request_of(invocation: InvocationId) -> RunExecutionRequest:
    return RunExecutionRequest(
        invocation_id=invocation, execution_id=execution_id_for(invocation, 1), attempt=1, is_last_attempt=False
    )


async def judged(
    database: Database, listener: NotificationListener, invocation: InvocationId, found: ContainerExit, fleet: Fleet
) -> ContainerExit:
    tools = await tools_for(database, listener, fleet)
    container = Container(
        name=ContainerName(execution_id=execution_id_for(invocation, 1), launch=1),
        details=ContainerDetails(type=ContainerType.TEST, identifier="1", logs_identifier="1"),
    )
    return await told_apart(found, container, request_of(invocation), tools)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("Starting", SAID, ""), SAID),
        ((), "This container could not reach MULTINODE_API_URL and ended with exit code 78; its log says why"),
        (None, "This container could not reach MULTINODE_API_URL and ended with exit code 78; its log says why"),
    ],
)
async def test_what_never_started_is_an_operators_with_the_containers_own_words(
    database: Database,
    listener: NotificationListener,
    invocation: InvocationId,
    lines: tuple[str, ...] | None,
    reason: str,
) -> None:
    judgement = await judged(database, listener, invocation, FOUND, Talkative(lines))
    assert judgement == replace(FOUND, cause=ExitCause.MISCONFIGURED, reason=reason)


@pytest.mark.parametrize(
    ("outcome", "age", "passes"),
    [
        (InvocationOutcome.SUCCEEDED, timedelta(hours=1), True),
        (InvocationOutcome.SUCCEEDED, timedelta(days=2), False),
        (InvocationOutcome.FAILED, timedelta(hours=1), False),
    ],
)
async def test_where_another_of_the_project_has_succeeded_lately_the_api_is_away_and_the_container_is_replaced(
    database: Database,
    listener: NotificationListener,
    outcome: InvocationOutcome,
    age: timedelta,
    passes: bool,
) -> None:
    function = await insert_function(database)
    await insert_invocation(database, await insert_function(database))  # of another project
    neighbour, invocation = await insert_invocation(database, function), await insert_invocation(database, function)
    async with database.transaction() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == neighbour)
            .values(status=InvocationStatus.TERMINATED, outcome=outcome, last_update_time=func.clock_timestamp() - age)
        )
        await SlotQueue(connection).take(
            invocation_id=invocation, execution_id=execution_id_for(invocation, 1), attempt=1
        )
    lost = replace(FOUND, cause=ExitCause.LOST, reason=SAID, failed_to_start=True)
    judgement = await judged(database, listener, invocation, FOUND, Talkative((SAID,)))
    assert judgement == (lost if passes else replace(FOUND, cause=ExitCause.MISCONFIGURED, reason=SAID))


@pytest.mark.parametrize("noted", ["execution_start_time", "execution_finish_time", "termination_signal_time"])
async def test_what_has_started_reported_or_been_stopped_is_as_it_was_found(
    database: Database, listener: NotificationListener, invocation: InvocationId, noted: str
) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values({noted: func.clock_timestamp()}))
    assert await judged(database, listener, invocation, FOUND, Talkative((SAID,))) == FOUND


@pytest.mark.parametrize(
    "found",
    [
        replace(FOUND, exit_code=1),
        replace(FOUND, exit_code=None),
        *(replace(FOUND, cause=cause) for cause in (ExitCause.LOST, ExitCause.STOPPED)),
    ],
)
async def test_other_ends_are_as_they_were_found(
    database: Database, listener: NotificationListener, invocation: InvocationId, found: ContainerExit
) -> None:
    assert await judged(database, listener, invocation, found, Talkative((SAID,))) == found


@pytest.mark.parametrize("has_started", [True, False])
async def test_an_invocation_ends_without_another_attempt_where_its_container_reached_nobody(
    database: Database, listener: NotificationListener, invocation: InvocationId, has_started: bool
) -> None:
    """And has its next one where it is its own code that ended so."""
    fleet = Talkative((SAID,))
    tools = await tools_for(database, listener, fleet)
    watch = ContainerWatch(database=database, provisioner=fleet, listener=listener, grace=timedelta(1))
    lease_watch = LeaseWatch(database=database, provisioner=fleet, listener=listener, grace=timedelta(1))
    runner = ExecutionRunner(tools=tools, watch=watch, lease_watch=lease_watch)
    running = asyncio.create_task(runner.run(request_of(invocation)))
    async with asyncio.timeout(20):
        while not fleet.alive:
            await asyncio.sleep(0.01)
    if has_started:
        async with database.statement() as connection:
            await connection.execute(update(ExecutionRow).values(execution_start_time=func.clock_timestamp()))
    fleet.alive[0].end(78, "exit code 78")
    ended = await running
    assert ended.invocation_ended is not has_started
    assert ended.error_message == ("exit code 78" if has_started else SAID)
    assert len(fleet.containers) == 1
