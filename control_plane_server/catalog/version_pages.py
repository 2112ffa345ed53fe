"""The list of a project's versions, page by page."""

from typing import Any, cast

from sqlalchemy import Integer, Select, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.converters import to_version_summary
from control_plane_server.catalog.paths import LATEST_VERSION, PROJECT, searchable
from control_plane_server.catalog.project_invocations import require_project
from control_plane_server.catalog.tables import VersionRow
from control_plane_server.catalog.versions import status_of
from control_plane_server.domain.entities import VersionSummary

_START = bindparam("list_start_version", type_=Text)
_MOST = bindparam("list_most_versions", type_=Integer)


class VersionPageRepository:
    """Reads only."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(self, project_name: str, *, start: str | None, at_most: int) -> list[VersionSummary]:
        """The version that was declared last comes first, in the order of `latest`, from this version's id on; None
        starts with the newest. Of an id that does not exist, nothing. Raises ProjectDoesNotExist."""
        parameters: dict[str, Any] = {
            PROJECT.key: await require_project(self._connection, project_name),
            _MOST.key: at_most,
        }
        if start is not None:
            parameters[_START.key] = searchable(start)
        found = await self._connection.execute(_NEWEST if start is None else _FROM_START, parameters)
        return [to_version_summary(row) for row in found]


def _page(*, has_start: bool) -> Select[*tuple[Any, ...]]:
    """Read by the index first, then looked at more closely."""
    newest = (
        select(VersionRow).where(VersionRow.project_name == PROJECT).order_by(VersionRow.declaration_number.desc())
    ).limit(_MOST)
    if has_start:
        starting = aliased(VersionRow, name="starting")
        number = select(starting.declaration_number).where(
            starting.version_id == _START, starting.project_name == PROJECT
        )
        newest = newest.where(VersionRow.declaration_number <= number.scalar_subquery())
    listed = cast(type[VersionRow], aliased(VersionRow, newest.subquery("listed")))
    return select(
        listed.version_id.label("versions_version_id"),
        listed.creation_time.label("versions_creation_time"),
        status_of(listed).label("versions_status"),
        (listed.version_id == LATEST_VERSION).label("versions_is_latest"),
    ).order_by(listed.declaration_number.desc())


_NEWEST = _page(has_start=False)
_FROM_START = _page(has_start=True)
