"""What nobody needs of a store is removed once it is old, and nothing else."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, insert, select, update

from activities.reconciliation.orphaned_blobs import OrphanedBlobs
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.opening import open_blob_store
from control_plane_server.blobs.store import BlobStore
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.kept_data_tables import BlobRow
from control_plane_server.catalog.tables import ProjectRow
from tests.blobs.stores import REGION, blob_id, pieces

KEPT, GIVEN_UP, WITHOUT_ROW, SHARED, SHARING = map(blob_id, range(5))
NOW, LATER = timedelta(0), timedelta(days=1)


async def removed(database: Database, store: BlobStore, patience: timedelta) -> set[str]:
    before = {each.key for each in await store.page(after="")}
    run = RepairRun("blobs removed")
    await run.run(OrphanedBlobs(database=database, store=store, patience=patience).remove)
    return before - {each.key for each in await store.page(after="")}


async def test_objects_without_a_row_and_uploads_that_were_given_up_go(database: Database, tmp_path: Path) -> None:
    store = open_blob_store(BlobStoreLocation(url=tmp_path.as_uri(), region=REGION))
    async with database.transaction() as connection:
        await connection.execute(insert(ProjectRow).values(project_name="p"))
        for key, is_complete in ((KEPT, True), (GIVEN_UP, False)):
            values = {"blob_id": key, "project_name": "p", "kind": "input", "size": 1, "sha256": "0" * 64}
            await connection.execute(insert(BlobRow).values(**values))
            if is_complete:
                await connection.execute(
                    update(BlobRow).where(BlobRow.blob_id == key).values(completed_time=BlobRow.creation_time)
                )
        sharing = {"blob_id": SHARING, "object_id": SHARED, "completed_time": func.clock_timestamp()}
        await connection.execute(
            insert(BlobRow).values(**{**values, **sharing})
        )  # of a replay; its original is deleted
    theirs = tmp_path / "somebody's", tmp_path / "somebody's#1"
    for file in theirs:
        file.touch()
    for key in (KEPT, GIVEN_UP, WITHOUT_ROW, SHARED):
        await store.put(key, pieces(b"x"))
    assert await removed(database, store, LATER) == set()
    assert await removed(database, store, NOW) == {GIVEN_UP, WITHOUT_ROW}
    assert all(file.exists() for file in theirs)
    async with database.statement() as connection:
        assert set(await connection.scalars(select(BlobRow.blob_id))) == {KEPT, SHARING}


async def test_the_store_of_another_control_plane_is_left_alone(database: Database, tmp_path: Path) -> None:
    store = open_blob_store(BlobStoreLocation(url=tmp_path.as_uri(), region=REGION))
    assert await store.is_of("another installation")
    await store.put(WITHOUT_ROW, pieces(b"x"))
    assert await removed(database, store, NOW) == set()
