"""Projects: created, listed, asked to go away."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.converters import to_project
from catalog.paths import searchable
from catalog.tables import ProjectRow, epoch_second
from domain.entities import Project
from domain.errors import ProjectAlreadyExists, ProjectDoesNotExist


class ProjectRepository:
    """Every method is one statement. The session's owner commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, project_name: str) -> Project:
        """Raises ProjectAlreadyExists, also for a project that is being deleted."""
        row = await self._session.scalar(
            insert(ProjectRow).values(project_name=project_name).on_conflict_do_nothing().returning(ProjectRow)
        )
        if row is None:
            raise ProjectAlreadyExists
        return to_project(row)

    async def request_deletion(self, project_name: str) -> Project:
        """Note the request; repeated, it moves the time forward. Raises ProjectDoesNotExist."""
        row = await self._session.scalar(
            update(ProjectRow)
            .where(ProjectRow.project_name == searchable(project_name))
            .values(deletion_request_time=func.clock_timestamp())
            .returning(ProjectRow)
            .execution_options(synchronize_session=False)
        )
        if row is None:
            raise ProjectDoesNotExist
        return to_project(row)

    async def get(self, project_name: str) -> Project:
        """Raises ProjectDoesNotExist."""
        row = await self._session.scalar(select(ProjectRow).where(ProjectRow.project_name == searchable(project_name)))
        if row is None:
            raise ProjectDoesNotExist
        return to_project(row)

    async def list_all(self) -> list[Project]:
        """Newest first as the wire shows it: by whole seconds, then by name."""
        rows = await self._session.scalars(
            select(ProjectRow).order_by(epoch_second(ProjectRow.creation_time).desc(), ProjectRow.project_name)
        )
        return [to_project(row) for row in rows]

    async def probe(self) -> None:
        """Nothing, or CatalogIsAway from the session if the table cannot be read."""
        await self._session.execute(select(ProjectRow.project_name).limit(1))
