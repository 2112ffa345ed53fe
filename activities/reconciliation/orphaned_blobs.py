"""Removes what nobody needs of the object store: uploads that were given up, and objects whose blobs are deleted."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.domain.identifiers import BlobId

if TYPE_CHECKING:
    from control_plane_server.blobs.store import BlobStore

logger = structlog.get_logger(__name__)

# What is younger may still be under way.
_PATIENCE = timedelta(days=1)
# Per run: the next one goes on. A store of a million objects is gone through within half a day.
_MOST_PAGES = 2
_MOST_INCOMPLETE = 200


class OrphanedBlobs:
    def __init__(self, *, database: Database, store: "BlobStore | None", patience: timedelta = _PATIENCE) -> None:
        """`store`: None: there is none, and nothing to do."""
        self._database = database
        self._store = store
        self._patience = patience
        self._after = ""  # how far the store has been looked through; a process that is new begins again

    async def remove(self, run: RepairRun) -> None:
        """Rows first: an object whose row is gone is found again by looking through the store."""
        if self._store is None or not await self._is_ours(self._store):
            return
        await self._forget_incomplete(run)
        for _ in range(_MOST_PAGES):
            if not await self._remove_page(run, self._store):
                run.made += await self._store.sweep_broken_uploads(older_than=self._patience)
                return

    async def _forget_incomplete(self, run: RepairRun) -> None:
        async with self._database.statement() as connection:
            incomplete = await BlobRepository(connection).incomplete(
                older_than=self._patience, at_most=_MOST_INCOMPLETE
            )

        async def forget(blob_id: BlobId) -> bool:
            async with self._database.statement() as connection:
                is_forgotten = await BlobRepository(connection).forget_incomplete(blob_id)
            if is_forgotten and self._store is not None:
                await self._store.delete(blob_id)
            return is_forgotten

        await run.each(incomplete, forget)

    async def _is_ours(self, store: "BlobStore") -> bool:
        """Objects of another control plane have no rows here."""
        async with self._database.statement() as connection:
            installation = await InstallationRepository(connection).read()
        is_ours = await store.is_of(installation.installation_id)
        if not is_ours:
            logger.error(
                "blob_store_is_of_another_control_plane", advice="give each a CONTROL_PLANE_BLOBS_URL of its own"
            )
        return is_ours

    async def _remove_page(self, run: RepairRun, store: "BlobStore") -> bool:
        """Whether there may be more."""
        page = await store.page(after=self._after)
        self._after = page[-1].key if page else ""
        deadline = datetime.now(UTC) - self._patience
        old = [each.key for each in page if each.last_modified < deadline]
        async with self._database.statement() as connection:
            known = await BlobRepository(connection).known(old)

        async def remove(key: str) -> bool:
            await store.delete(key)
            return True

        await run.each([key for key in old if key not in known], remove)
        return bool(page)
