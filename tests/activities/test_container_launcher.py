"""An execution's container is found or launched, never given up while it may be there."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client

from activities.container_launcher import MOST_FAILED_STARTS, ContainerLauncher, LaunchTools
from activities.execution_spans import ExecutionSpans
from activities.messenger import Messenger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, SlotQueue
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL, NotificationListener
from control_plane_server.domain.containers import ContainerExit, ContainerName, ContainerRequest, ExitCause
from control_plane_server.domain.entities import ContainerDetails, ContainerType, PreparedFunction
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import RunExecutionRequest
from control_plane_server.domain.traces import InvocationTrace
from tests.factories import insert_function, insert_invocation
from tests.simulation.containers import Fleet

PREPARED = PreparedFunction(type=ContainerType.TEST, identifier="prepared")


class Forbidden(Fleet):
    """Nothing may be launched any more."""

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        raise Misconfigured("no permission to launch")


class Hidden(Forbidden):
    """Nor looked for."""

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        raise Misconfigured("no permission to look")


@pytest.fixture
async def listener(database: Database) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(database.url, [EXECUTIONS_CHANNEL]) as it:
        yield it


@pytest.fixture
async def invocation(database: Database) -> InvocationId:
    return await insert_invocation(database, await insert_function(database))


async def launcher(
    database: Database, listener: NotificationListener, fleet: Fleet, invocation: InvocationId
) -> ContainerLauncher:
    """One try of the invocation's first execution."""
    execution_id = execution_id_for(invocation, 1)
    async with database.transaction() as connection:
        assignment = await SlotQueue(connection).take(invocation_id=invocation, execution_id=execution_id, attempt=1)
    assert isinstance(assignment, Assignment)
    client = await Client.connect("nobody.invalid:7233", lazy=True)
    tools = LaunchTools(
        spans=ExecutionSpans(None),
        database=database,
        provisioner=fleet,
        listener=listener,
        messenger=Messenger(client, database),
        signing_key="key",
    )
    function = assignment.function
    trace = InvocationTrace(
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        invocation_id=invocation,
        function=function.ref,
        creation_time=function.creation_time,
    )
    request = RunExecutionRequest(
        invocation_id=invocation, execution_id=execution_id, attempt=1, is_last_attempt=False, trace=trace
    )
    return ContainerLauncher(tools, request, assignment, PREPARED)


async def test_whoever_launches_asks_for_the_very_same(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    """The span that its container continues included."""
    fleet = Fleet(stop_grace=timedelta(1))
    first, second = [(await launcher(database, listener, fleet, invocation))._container_request() for _ in range(2)]
    assert first == second
    assert first.traceparent is not None
    assert first.traceparent.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert "00f067aa0ba902b7" not in first.traceparent


async def test_a_refusal_of_the_first_launch_counts(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    with pytest.raises(Misconfigured):
        await (await launcher(database, listener, Forbidden(stop_grace=timedelta(1)), invocation)).ensure_container()


async def test_a_refusal_does_not_make_forget_what_an_earlier_try_launched(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    """The earlier try died between the launch and its note."""
    first = await launcher(database, listener, Fleet(stop_grace=timedelta(1)), invocation)
    fleet = Forbidden(stop_grace=timedelta(1))
    request = first._container_request()
    await Fleet.launch(fleet, request, age=timedelta())
    container = await (await launcher(database, listener, fleet, invocation)).ensure_container()
    assert container is not None
    assert container.name == request.name


async def test_what_may_be_there_and_cannot_be_looked_for_is_tried_again(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    await launcher(database, listener, Fleet(stop_grace=timedelta(1)), invocation)
    second = await launcher(database, listener, Hidden(stop_grace=timedelta(1)), invocation)
    with pytest.raises(Unavailable):
        await second.ensure_container()


@pytest.mark.parametrize("lacked_capacity", [True, False])
async def test_what_never_started_for_want_of_capacity_is_no_interruption(
    database: Database, listener: NotificationListener, invocation: InvocationId, lacked_capacity: bool
) -> None:
    first = await launcher(database, listener, Fleet(stop_grace=timedelta(1)), invocation)
    await first.ensure_container()
    lost = ContainerExit(cause=ExitCause.LOST, reason="no room", lacked_capacity=lacked_capacity)
    with pytest.raises(RuntimeError, match="connect"):  # no Temporal is here to be told, once the launch is noted
        await first.replace_container(lost)
    assert first._launch.interruptions == (0 if lacked_capacity else 1)
    assert (first._launch.without_capacity > timedelta()) is lacked_capacity


TEXT = "The task failed to start: CannotPullContainerError: dial tcp: i/o timeout"


async def test_the_fifth_container_in_a_row_that_never_ran_is_the_last_whoever_counts(
    database: Database, listener: NotificationListener, invocation: InvocationId
) -> None:
    """Each try of the activity dies right after it has noted the next launch."""
    lost = ContainerExit(cause=ExitCause.LOST, reason=TEXT, failed_to_start=True)
    fleet = Fleet(stop_grace=timedelta(1))
    for _ in range(MOST_FAILED_STARTS - 1):
        with pytest.raises(RuntimeError, match="connect"):
            await (await launcher(database, listener, fleet, invocation)).replace_container(lost)
    last = await launcher(database, listener, fleet, invocation)
    assert last.launch == MOST_FAILED_STARTS
    with pytest.raises(Misconfigured, match=f"in a row have failed to start. {TEXT}"):
        await last.replace_container(lost)
    assert (await launcher(database, listener, fleet, invocation)).launch == MOST_FAILED_STARTS


@pytest.mark.parametrize(
    ("ran_for", "failed_to_start", "is_reset"),
    [(timedelta(minutes=2), False, True), (timedelta(seconds=5), False, False), (None, True, False)],
)
async def test_pauses_begin_anew_after_a_container_that_ran_for_long_not_after_one_that_took_long_to_fail(
    database: Database,
    listener: NotificationListener,
    invocation: InvocationId,
    ran_for: timedelta | None,
    failed_to_start: bool,
    is_reset: bool,
) -> None:
    it = await launcher(database, listener, Fleet(stop_grace=timedelta(1)), invocation)
    it._failed_launches, it._launched = 4, it._launched - 1_000
    lost = ContainerExit(cause=ExitCause.LOST, reason="gone", failed_to_start=failed_to_start, ran_for=ran_for)
    with pytest.raises(RuntimeError, match="connect"):
        await it.replace_container(lost)
    assert (it._failed_launches == 0) is is_reset
