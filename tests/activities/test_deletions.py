"""The steps of a deletion, each killed in the middle and gone on with, beside preparations that are killed too."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.deletions import BoundDeletionActivities
from activities.messenger import Messenger
from activities.preparations import BoundPreparationActivities
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.entities import ContainerType, Function, InvocationStatus, PreparedFunction
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import FunctionRef, new_invocation_id
from control_plane_server.domain.messages import CancelProjectResult, DeletionRequest, PrepareFunctionRequest
from tests.activities.cancellations import Cancellations
from tests.factories import insert_function
from tests.simulation.containers import Fleet


class Workshop(Fleet):
    """Makes something for each function, finds it again, and keeps whoever asks until it may answer."""

    def __init__(self) -> None:
        super().__init__(stop_grace=timedelta())
        self.made: set[str] = set()
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.refused: set[str] = set()
        self.is_away = False

    async def prepare(self, function: Function) -> PreparedFunction:
        if self.is_away:
            raise Unavailable("no such host")
        self.made.add(function.ref.version_id)
        self.asked.set()
        await self.may_answer.wait()
        return PreparedFunction(type=ContainerType.TEST, identifier=function.ref.version_id)

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        if function.ref.version_id not in self.made:
            return None
        return PreparedFunction(type=ContainerType.TEST, identifier=function.ref.version_id)

    async def retire(self, prepared: PreparedFunction) -> None:
        if prepared.identifier in self.refused:
            raise Unavailable
        self.made.discard(prepared.identifier)


class MortalDatabase(Database):
    """Whoever uses it is killed at a step that may take long: as many are left before that, if any number is said."""

    steps_left: int | None = None

    @asynccontextmanager
    async def long_transaction(self) -> AsyncIterator[AsyncConnection]:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                self.steps_left = None
                raise asyncio.CancelledError
        async with super().long_transaction() as connection:
            yield connection


class Steps:
    """The activities, each run by a process of its own."""

    def __init__(self, database: MortalDatabase, temporal: Client, workshop: Workshop) -> None:
        self.cancellations = Cancellations()
        config = temporal.config()
        config["interceptors"] = [self.cancellations]
        messenger = Messenger(Client(**config), database)
        self.database = database
        self.workshop = workshop
        self.deletion = BoundDeletionActivities(
            client=temporal, database=database, provisioner=workshop, messenger=messenger, batch_size=10
        )
        self.preparation = BoundPreparationActivities(database=database, provisioner=workshop, messenger=messenger)

    async def request_of(self, function: FunctionRef) -> DeletionRequest:
        async with self.database.transaction() as connection:
            created = await connection.scalar(
                update(ProjectRow)
                .where(ProjectRow.project_name == function.project_name)
                .values(deletion_request_time=func.clock_timestamp())
                .returning(ProjectRow.creation_time)
            )
        assert created is not None
        return DeletionRequest(project_name=function.project_name, creation_time=created)

    async def prepare(self, function: FunctionRef) -> None:
        await _environment().run(self.preparation.prepare_function, PrepareFunctionRequest(function=function))

    async def rows(self) -> int:
        async with self.database.statement() as connection:
            return await connection.scalar(select(func.count()).select_from(InvocationRow)) or 0


@pytest.fixture
async def steps(database: Database, temporal: Client) -> AsyncIterator[Steps]:
    mortal = MortalDatabase(database.url)
    yield Steps(mortal, temporal, Workshop())
    await mortal.close()


def _environment(on_heartbeat: Callable[..., None] = lambda: None, *, timeout: float = 20.0) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.on_heartbeat = on_heartbeat
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=timeout))
    return environment


async def _insert_invocations(
    database: Database, function: FunctionRef, *, count: int, status: InvocationStatus
) -> None:
    async with database.statement() as connection:
        function_id = await connection.scalar(
            select(FunctionRow.function_id).where(FunctionRow.version_id == function.version_id)
        )
        await connection.execute(
            insert(InvocationRow),
            [
                {"invocation_id": new_invocation_id(), "function_id": function_id, "input": "1", "status": status}
                for _ in range(count)
            ],
        )


@pytest.mark.parametrize("name", ["cancel_project", "retire_project", "delete_project"])
async def test_a_step_that_waits_for_the_catalog_beats(steps: Steps, name: str) -> None:
    """As it does behind other deletions, and in a statement on all rows of a project."""
    request = await steps.request_of(await insert_function(steps.database))
    beats = asyncio.Semaphore(0)
    async with asyncio.timeout(5):
        async with steps.database.transaction() as connection:
            await connection.execute(text("LOCK TABLE projects"))
            environment = _environment(lambda *_: beats.release(), timeout=0.08)
            step = asyncio.create_task(environment.run(getattr(steps.deletion, name), request))
            for _ in range(3):
                await beats.acquire()
        await step


async def test_an_invocation_that_cannot_be_told_keeps_none_of_the_others_from_being_told(steps: Steps) -> None:
    function = await insert_function(steps.database)
    await _insert_invocations(steps.database, function, count=30, status=InvocationStatus.RUNNING)
    async with steps.database.statement() as connection:
        steps.cancellations.fails = await connection.scalar(select(func.min(InvocationRow.invocation_id)))
    with pytest.raises(RPCError):
        await _environment().run(steps.deletion.cancel_project, await steps.request_of(function))
    assert len(steps.cancellations.tried) == 30


async def test_rows_are_deleted_in_batches(steps: Steps) -> None:
    function = await insert_function(steps.database)
    await _insert_invocations(steps.database, function, count=100, status=InvocationStatus.TERMINATED)
    request = await steps.request_of(function)
    steps.database.steps_left = 5
    with pytest.raises(asyncio.CancelledError):
        await _environment().run(steps.deletion.delete_project, request)
    assert 0 < await steps.rows() < 100
    assert (await _environment().run(steps.deletion.delete_project, request)).running == 0
    assert await steps.rows() == 0
    async with steps.database.statement() as connection:
        assert await connection.scalar(select(func.count()).select_from(ProjectRow)) == 0
    assert (await _environment().run(steps.deletion.delete_project, request)).running == 0, "it may be repeated"


async def test_invocations_are_cancelled_in_batches(steps: Steps) -> None:
    function = await insert_function(steps.database)
    await _insert_invocations(steps.database, function, count=100, status=InvocationStatus.RUNNING)
    request = await steps.request_of(function)
    steps.database.steps_left = 3
    with pytest.raises(asyncio.CancelledError):
        await _environment().run(steps.deletion.cancel_project, request)
    assert await _cancelled(steps) == 20
    assert (await _environment().run(steps.deletion.cancel_project, request)).running == 100
    assert await _cancelled(steps) == 100


async def _cancelled(steps: Steps) -> int:
    async with steps.database.statement() as connection:
        return await connection.scalar(select(func.count(InvocationRow.cancellation_request_time))) or 0


async def test_what_a_preparation_made_before_it_died_is_retired_with_the_project(steps: Steps) -> None:
    function = await insert_function(steps.database, is_ready=False)
    steps.workshop.may_answer.clear()
    preparing = asyncio.create_task(steps.prepare(function))
    await steps.workshop.asked.wait()
    preparing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await preparing
    request = await steps.request_of(function)
    # A release before waits for what runs, and for nothing else.
    assert await _environment().run(steps.deletion.cancel_project, request) == CancelProjectResult(
        running=1, preparing=1
    )
    steps.workshop.may_answer.set()
    await steps.prepare(function)  # Temporal's retry
    assert (await _environment().run(steps.deletion.cancel_project, request)).preparing == 0
    await _environment().run(steps.deletion.retire_project, request)
    await _environment().run(steps.deletion.delete_project, request)
    assert steps.workshop.made == set()


async def test_a_function_that_cannot_be_prepared_now_does_not_keep_its_project(steps: Steps) -> None:
    function = await insert_function(steps.database, is_ready=False)
    steps.workshop.is_away = True
    with pytest.raises(Unavailable):
        await steps.prepare(function)
    request = await steps.request_of(function)
    assert (await _environment().run(steps.deletion.cancel_project, request)).preparing == 1
    await steps.prepare(function)  # Temporal's retry
    assert (await _environment().run(steps.deletion.cancel_project, request)).preparing == 0


async def test_what_hung_in_a_preparation_is_not_asked_for_again_once_the_project_is_closed(steps: Steps) -> None:
    """The first try is given up after a time, and what it may have made meanwhile is looked for."""
    function = await insert_function(steps.database, is_ready=False)
    steps.workshop.may_answer.clear()
    hanging = asyncio.create_task(steps.prepare(function))
    await steps.workshop.asked.wait()
    request = await steps.request_of(function)
    assert (await _environment().run(steps.deletion.cancel_project, request)).preparing == 1
    hanging.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await hanging
    async with asyncio.timeout(10):
        await steps.prepare(function)
    assert (await _environment().run(steps.deletion.cancel_project, request)).preparing == 0
    await _environment().run(steps.deletion.retire_project, request)
    assert steps.workshop.made == set()


async def test_what_a_try_makes_after_another_has_found_nothing_is_retired(steps: Steps) -> None:
    """A try that Temporal took for dead: another one has looked for what it made, before it made anything."""
    function = await insert_function(steps.database, is_ready=False)
    steps.workshop.may_answer.clear()
    late = asyncio.create_task(steps.prepare(function))
    await steps.workshop.asked.wait()
    steps.workshop.made.clear()
    await _environment().run(steps.deletion.cancel_project, await steps.request_of(function))
    async with asyncio.timeout(10):
        await steps.prepare(function)
    steps.workshop.made.add(function.version_id)
    steps.workshop.may_answer.set()
    await late
    assert steps.workshop.made == set()


async def test_nothing_is_prepared_for_a_project_whose_deletion_has_begun(steps: Steps) -> None:
    function = await insert_function(steps.database, is_ready=False)
    await _environment().run(steps.deletion.cancel_project, await steps.request_of(function))
    await steps.prepare(function)
    assert not steps.workshop.asked.is_set()


async def test_what_comes_of_a_preparation_after_its_project_is_gone_is_retired(steps: Steps) -> None:
    """A try that Temporal took for dead: another one has settled the function, and the project is gone."""
    function = await insert_function(steps.database, is_ready=False)
    steps.workshop.may_answer.clear()
    late = asyncio.create_task(steps.prepare(function))
    await steps.workshop.asked.wait()
    async with steps.database.transaction() as connection:
        await connection.execute(delete(ProjectRow))
    steps.workshop.may_answer.set()
    await late
    assert steps.workshop.made == set()


@pytest.mark.parametrize("refused", [0, 1])
async def test_what_cannot_be_retired_keeps_nothing_else_from_being_retired(steps: Steps, refused: int) -> None:
    functions = [await insert_function(steps.database, is_ready=False) for _ in range(2)]
    async with steps.database.statement() as connection:  # two versions of one project
        await connection.execute(update(VersionRow).values(project_name=functions[0].project_name))
    for function in functions:
        await steps.prepare(replace(function, project_name=functions[0].project_name))
    request = await steps.request_of(functions[0])
    steps.workshop.refused = {functions[refused].version_id}
    with pytest.raises(Unavailable):
        await _environment().run(steps.deletion.retire_project, request)
    assert steps.workshop.made == steps.workshop.refused
    steps.workshop.refused = set()
    await _environment().run(steps.deletion.retire_project, request)
    assert steps.workshop.made == set()
