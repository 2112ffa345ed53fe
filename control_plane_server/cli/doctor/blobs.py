"""Whether the object store can be written and read."""

import asyncio
from collections.abc import AsyncIterator

from sqlalchemy.exc import DBAPIError

from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.cli.doctor.checks import Check, failed, ok
from control_plane_server.domain.errors import BlobStoreIsAway, CatalogIsAway
from control_plane_server.processes.connections import open_blobs, open_database
from environment.loading import Settings, SettingsError

_NAME = "object store"
_KEY = ".control-plane-doctor"
_CONTENT = b"written by control-plane doctor"
_OWN = "give each a CONTROL_PLANE_BLOBS_URL of its own, none of them within another's; nothing is removed until then"
_PATIENCE_SECONDS = 30


async def check_blobs(settings: Settings) -> list[Check]:
    location = settings.blobs.location
    if location is None:
        return [ok(_NAME, "none: inputs and outputs end at 249,999 characters (CONTROL_PLANE_BLOBS_URL)")]
    advice = "it must exist, and be open to this role as in iam_permissions/iam_policy.json"
    if location.url.startswith("file:"):
        advice = "make it a folder that api and loop may write"
    own = await _installation(settings)
    try:
        store = open_blobs(settings)
        assert store is not None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await store.put(_KEY, _pieces())
            written = b"".join([piece async for piece in store.read(_KEY)])
            await store.delete(_KEY)
            owner = await store.owner()
    except SettingsError as error:
        return [failed(_NAME, str(error), advice)]
    except (BlobStoreIsAway, FileNotFoundError, TimeoutError) as error:
        reason = str(error.__cause__ or error).partition("\n")[0] or "no answer"
        return [failed(_NAME, f"{location.url} cannot be written and read: {reason}", advice)]
    if written != _CONTENT:
        return [failed(_NAME, f"{location.url} gives something else than was written", advice)]
    if None not in (own, owner) and owner != own:
        return [failed(_NAME, f"{location.url} is another control plane's: its note .control-plane says so", _OWN)]
    return [ok(_NAME, f"{location.url} can be written and read")]


async def _installation(settings: Settings) -> str | None:
    """None: the catalog does not say; what it lacks is another check's."""
    database = open_database(settings.postgres)
    try:
        async with database.statement() as connection:
            return (await InstallationRepository(connection).read()).installation_id
    except (CatalogIsAway, DBAPIError):
        return None
    finally:
        await database.close()


async def _pieces() -> AsyncIterator[bytes]:
    yield _CONTENT
