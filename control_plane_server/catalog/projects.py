"""Projects: created, read, listed; their deletion requested."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.converters import to_project
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import ProjectRow, epoch_second
from control_plane_server.domain.entities import Project
from control_plane_server.domain.errors import ProjectAlreadyExists, ProjectDoesNotExist

_COLUMNS = columns_of(ProjectRow)


class ProjectRepository:
    """Every method is one statement. The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, project_name: str) -> Project:
        """Raises ProjectAlreadyExists, also for a project that is being deleted."""
        inserted = await self._connection.execute(
            insert(ProjectRow).values(project_name=project_name).on_conflict_do_nothing().returning(*_COLUMNS)
        )
        row = inserted.one_or_none()
        if row is None:
            raise ProjectAlreadyExists
        return to_project(row)

    async def ensure(self, project_name: str) -> None:
        """One that exists is as good as a new one."""
        await self._connection.execute(insert(ProjectRow).values(project_name=project_name).on_conflict_do_nothing())

    async def request_deletion(self, project_name: str) -> Project:
        """Record the request; a repeated one sets its time anew. Raises ProjectDoesNotExist."""
        updated = await self._connection.execute(
            update(ProjectRow)
            .where(ProjectRow.project_name == searchable(project_name))
            .values(deletion_request_time=func.clock_timestamp())
            .returning(*_COLUMNS)
        )
        row = updated.one_or_none()
        if row is None:
            raise ProjectDoesNotExist
        return to_project(row)

    async def get(self, project_name: str) -> Project:
        """Raises ProjectDoesNotExist."""
        found = await self._connection.execute(
            select(*_COLUMNS).where(ProjectRow.project_name == searchable(project_name))
        )
        row = found.one_or_none()
        if row is None:
            raise ProjectDoesNotExist
        return to_project(row)

    async def exists(self, project_name: str) -> bool:
        """Also one that is being deleted."""
        found = select(ProjectRow.project_name).where(ProjectRow.project_name == searchable(project_name))
        return (await self._connection.execute(found)).one_or_none() is not None

    async def list_all(self) -> list[Project]:
        """All projects, newest first by whole seconds, as the wire shows times, then by name."""
        rows = await self._connection.execute(
            select(*_COLUMNS).order_by(epoch_second(ProjectRow.creation_time).desc(), ProjectRow.project_name)
        )
        return [to_project(row) for row in rows]

    async def list_by_name(self, *, start: str | None, at_most: int) -> list[Project]:
        """In the order of their names, from this one on; None starts with the first."""
        page = select(*_COLUMNS).order_by(ProjectRow.project_name).limit(at_most)
        if start is not None:
            page = page.where(ProjectRow.project_name >= searchable(start))
        return [to_project(row) for row in await self._connection.execute(page)]
