"""The steps of a deletion: nothing begins any more, and no transaction grows with the project."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.deletions import DeletionRepository
from control_plane_server.catalog.invocations import InvocationRepository, NewInvocation
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.preparations import PreparationRepository
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, ProjectRow
from control_plane_server.domain.entities import ContainerType, InvocationStatus, ParentRef, PreparedFunction
from control_plane_server.domain.errors import ProjectIsBeingDeleted
from control_plane_server.domain.identifiers import FunctionRef, InvocationId
from tests.factories import insert_function, insert_invocation

_AGAIN = timedelta(seconds=15)


async def request_deletion(database: Database, function: FunctionRef) -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(ProjectRow)
            .where(ProjectRow.project_name == function.project_name)
            .values(deletion_request_time=func.clock_timestamp())
        )


class Deletion:
    """Each step in a transaction of its own, as the activities do it."""

    def __init__(self, database: Database, function: FunctionRef) -> None:
        self._database = database
        self._project_name = function.project_name

    async def close(self) -> None:
        async with self._database.transaction() as connection:
            await (await self._on(connection)).close()

    async def cancel(self, *, after: InvocationId | None = None, at_most: int = 100) -> tuple[InvocationId, ...]:
        async with self._database.transaction() as connection:
            repository = await self._on(connection)
            return await repository.cancel_invocations(after=after, at_most=at_most, again_after=_AGAIN)

    async def preparing(self) -> int:
        async with self._database.transaction() as connection:
            return (await (await self._on(connection)).count_unfinished()).preparing

    async def delete_ended(self, *, at_most: int) -> int:
        async with self._database.transaction() as connection:
            repository = await self._on(connection)
            ended = await repository.ended(at_most=at_most)
            await repository.delete_invocations(ended)
            return len(ended)

    async def delete_version(self) -> bool:
        async with self._database.transaction() as connection:
            return await (await self._on(connection)).delete_version()

    async def delete(self) -> bool:
        async with self._database.transaction() as connection:
            return await (await self._on(connection)).delete()

    async def _on(self, connection: AsyncConnection) -> DeletionRepository:
        created = await connection.scalar(
            select(ProjectRow.creation_time).where(ProjectRow.project_name == self._project_name)
        )
        assert created is not None
        return DeletionRepository(connection, project_name=self._project_name, creation_time=created)


@pytest.fixture
async def function(database: Database) -> FunctionRef:
    """Of a project that somebody asked to delete."""
    made = await insert_function(database)
    await request_deletion(database, made)
    return made


async def submit(database: Database, function: FunctionRef, *, parent: InvocationId | None = None) -> None:
    path = FunctionPath(project_name=function.project_name, version_ref="latest", function_name=function.function_name)
    ref = None if parent is None else ParentRef(function_name=function.function_name, invocation_id=parent)
    async with database.statement() as connection:
        await InvocationRepository(connection).create(path, NewInvocation(input="1", parent=ref))


async def count(database: Database) -> int:
    async with database.statement() as connection:
        return await connection.scalar(select(func.count()).select_from(InvocationRow)) or 0


async def end_all(database: Database) -> None:
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(status=InvocationStatus.TERMINATED))


async def test_nothing_is_submitted_after_the_first_look(database: Database, function: FunctionRef) -> None:
    parent = await insert_invocation(database, function)
    await submit(database, function)
    await Deletion(database, function).close()
    for of in (None, parent):
        with pytest.raises(ProjectIsBeingDeleted):
            await submit(database, function, parent=of)
    assert await count(database) == 2


async def test_a_project_that_nobody_asked_to_delete_is_not_closed(database: Database) -> None:
    function = await insert_function(database)
    await Deletion(database, function).close()
    await submit(database, function)


async def test_whatever_runs_is_cancelled_page_by_page_and_told_once(database: Database, function: FunctionRef) -> None:
    made = sorted([await insert_invocation(database, function) for _ in range(5)])
    deletion = Deletion(database, function)
    first = await deletion.cancel(at_most=3)
    rest = await deletion.cancel(after=first[-1], at_most=3)
    assert [*first, *rest] == made
    assert await deletion.cancel() == (), "they have been told just now"
    async with database.statement() as connection:
        await connection.execute(
            text("UPDATE invocations SET cancellation_request_time = cancellation_request_time - interval '1 min'")
        )
    assert await deletion.cancel() == tuple(made), "whoever should have told them may have died"


async def test_rows_go_batch_by_batch_and_any_batch_may_be_the_last_of_its_process(
    database: Database, function: FunctionRef
) -> None:
    for _ in range(5):
        await insert_invocation(database, function)
    await end_all(database)
    deletion = Deletion(database, function)
    assert (await deletion.delete_ended(at_most=2), await count(database)) == (2, 3)
    assert not await deletion.delete(), "it has versions"
    assert [await deletion.delete_ended(at_most=2) for _ in range(3)] == [2, 1, 0]
    assert [await deletion.delete_version() for _ in range(2)] == [True, False]
    assert await deletion.delete()


async def test_a_version_with_a_running_invocation_stays(database: Database, function: FunctionRef) -> None:
    await insert_invocation(database, function)
    deletion = Deletion(database, function)
    assert not await deletion.delete_version()
    assert not await deletion.delete()
    assert await count(database) == 1


async def test_a_preparation_that_was_begun_is_waited_for(database: Database) -> None:
    function = await insert_function(database, is_ready=False)
    async with database.transaction() as connection:
        begun = await PreparationRepository(connection).begin(function)
    assert begun is not None
    assert not begun.is_closing
    await request_deletion(database, function)
    deletion = Deletion(database, function)
    await deletion.close()
    assert await deletion.preparing() == 1
    async with database.transaction() as connection:
        again = await PreparationRepository(connection).begin(function)
    assert again is not None, "only the provisioner finds again what may be there"
    assert again.is_closing
    async with database.transaction() as connection:
        prepared = PreparedFunction(type=ContainerType.TEST, identifier="prepared")
        await PreparationRepository(connection).mark_ready(function, prepared)
    assert await deletion.preparing() == 0


async def test_a_preparation_that_was_not_begun_never_is(database: Database) -> None:
    function = await insert_function(database, is_ready=False)
    await request_deletion(database, function)
    await Deletion(database, function).close()
    async with database.transaction() as connection:
        assert await PreparationRepository(connection).begin(function) is None
    assert await Deletion(database, function).preparing() == 0
    async with database.statement() as connection:
        assert await connection.scalar(select(FunctionRow.preparation_error)) == "The project is being deleted"
