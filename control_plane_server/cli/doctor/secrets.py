"""Whether secrets can be set, and those that are stored be read."""

from sqlalchemy.exc import DBAPIError

from control_plane_server.catalog.encrypted_values import EncryptedValueRepository
from control_plane_server.cli.doctor.checks import Check, failed, ok, unknown
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.processes.connections import open_database
from environment.loading import Settings

_NAME = "secrets"
_DRAW = "for api set CONTROL_PLANE_SECRETS_KEYS, drawn with: openssl rand -base64 32"
_FIND = "add the key that they were set with to CONTROL_PLANE_SECRETS_KEYS, or set them again"


async def check_secrets(settings: Settings) -> Check:
    keys = settings.control_plane.secret_keys
    database = open_database(settings.postgres)
    try:
        async with database.statement() as connection:
            readable, unreadable = await EncryptedValueRepository(connection).count_readable(keys)
    except (CatalogIsAway, DBAPIError):  # which is said elsewhere, as is a schema without secrets
        return unknown(_NAME, "the catalog cannot be asked")
    finally:
        await database.close()
    if unreadable:
        return failed(_NAME, f"{unreadable:,} of {readable + unreadable:,} are not decrypted by the keys", _FIND)
    if not keys.fingerprints:
        return unknown(_NAME, "none can be set, as there are no keys", _DRAW)
    return ok(_NAME, f"{readable:,} are stored, and decrypted by the keys")
