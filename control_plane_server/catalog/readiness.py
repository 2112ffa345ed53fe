"""Whether the catalog can be worked with now."""

from sqlalchemy import exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.migrations.revisions import all_revisions, newest_revision
from control_plane_server.catalog.tables import ProjectRow
from control_plane_server.domain.errors import CatalogIsAway

_SCHEMA = select(text("version_num")).select_from(text("alembic_version")).scalar_subquery()
_STATE = select(func.current_setting("transaction_read_only") == "on", _SCHEMA, exists(select(ProjectRow.project_name)))


async def probe(connection: AsyncConnection) -> None:
    """Raises CatalogIsAway if the tables cannot be read, nothing can be written, or the schema is older than this
    release, as while it is being migrated. A newer one is not."""
    only_reads, revision, _ = (await connection.execute(_STATE)).one()
    if only_reads:
        raise CatalogIsAway("The catalog only reads at this time")
    if revision != newest_revision() and revision in all_revisions():
        raise CatalogIsAway("The catalog is being migrated")
