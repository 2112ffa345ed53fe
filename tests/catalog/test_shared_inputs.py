"""Replays share the inputs of their originals that are in the object store, as long as there is one of them."""

import asyncio

import pytest
from sqlalchemy import delete, func, insert, update

from control_plane_server.catalog.blobs import BlobRepository, SharedInput
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.kept_data_tables import BlobRow
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.errors import InvocationDoesNotExist
from control_plane_server.domain.identifiers import BlobId, FunctionRef, InvocationId, new_blob_id
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.catalog.replayed import ended, replayed, rows
from tests.factories import insert_function


async def insert_input(database: Database, function: FunctionRef, blob_id: BlobId, owner: InvocationId) -> None:
    async with database.statement() as connection:
        await connection.execute(
            insert(BlobRow).values(
                blob_id=blob_id,
                project_name=function.project_name,
                kind="input",
                invocation_id=owner,
                size=7,
                sha256="0" * 64,
                completed_time=func.clock_timestamp(),
            )
        )


async def test_inputs_in_the_object_store_are_shared_until_the_last_is_deleted(database: Database) -> None:
    function = await insert_function(database)
    blob_id = new_blob_id()
    (original,) = await ended(database, function, input="", input_blob_id=blob_id)
    await insert_input(database, function, blob_id, original)
    (first,) = await rows(database, await replayed(database, function.project_name))
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(status="TERMINATED", outcome="FAILED"))
        await connection.execute(delete(InvocationRow).where(InvocationRow.invocation_id == original))
    (second,) = await rows(database, await replayed(database, function.project_name))
    assert (first.replayed_from, second.replayed_from) == (original, first.invocation_id)
    assert len({blob_id, first.input_blob_id, second.input_blob_id}) == 3
    async with database.statement() as connection:
        blobs = BlobRepository(connection)
        shared = await blobs.get(function.project_name, second.input_blob_id)
        assert (shared.object_id, shared.size, shared.is_complete) == (blob_id, 7, True)
        assert shared.invocation_id == second.invocation_id
        for gone in (first, second):
            assert await blobs.known([blob_id, "bl-other"]) == {blob_id}
            await connection.execute(delete(InvocationRow).where(InvocationRow.invocation_id == gone.invocation_id))
        assert await blobs.known([blob_id]) == frozenset()


async def test_a_deletion_that_comes_at_once_waits_for_who_shares_the_input(database: Database) -> None:
    function = await insert_function(database)
    blob_id, new_id = new_blob_id(), new_blob_id()
    original, heir = await ended(database, function, count=2, input="", input_blob_id=blob_id)
    await insert_input(database, function, blob_id, original)
    share = SharedInput(source=blob_id, blob_id=new_id, invocation_id=heir)

    async def forget() -> None:
        async with database.statement() as connection:
            await connection.execute(delete(InvocationRow).where(InvocationRow.invocation_id == original))

    async with database.transaction() as connection:
        await BlobRepository(connection).share_inputs([share])
        forgetting = asyncio.create_task(forget())
        await somebody_waits_for_a_lock(database)
        async with database.statement() as other:
            assert await BlobRepository(other).known([blob_id]) == {blob_id}
    await forgetting
    async with database.statement() as connection:
        assert await BlobRepository(connection).known([blob_id]) == {blob_id}
    with pytest.raises(InvocationDoesNotExist):
        async with database.transaction() as connection:
            await BlobRepository(connection).share_inputs([share])
