"""Versions of a project with their functions: written once, then read."""

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.converters import to_function, to_version_summary
from catalog.paths import along_version, require, searchable, version_parameters
from catalog.tables import FunctionRow, ProjectRow, VersionRow
from domain.entities import Version, VersionSummary
from domain.errors import ProjectDoesNotExist, ProjectIsBeingDeleted
from domain.identifiers import ProjectName, VersionId, new_version_id
from domain.specs import FunctionSpec

# The second column keeps a missing version from looking like a missing row to `one_or_none`.
_GET = along_version(select(VersionRow, ProjectRow.project_name))


class VersionRepository:
    """The session's owner commits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, project_name: str, functions: Sequence[FunctionSpec]) -> Version:
        """Write a version whole: needs a transaction. Raises ProjectDoesNotExist, ProjectIsBeingDeleted."""
        # Locked until the commit: whoever asks for the deletion meanwhile waits, and then sees this version too.
        project = await self._session.scalar(
            select(ProjectRow).where(ProjectRow.project_name == searchable(project_name)).with_for_update(read=True)
        )
        if project is None:
            raise ProjectDoesNotExist
        if project.deletion_request_time is not None:
            raise ProjectIsBeingDeleted
        version = VersionRow(version_id=new_version_id(), project_name=project.project_name)
        self._session.add(version)
        await self._session.flush()
        if functions:
            rows = [_function_values(version.version_id, spec) for spec in functions]
            await self._session.execute(insert(FunctionRow), rows)
        return await self._with_functions(version)

    async def get(self, project_name: str, version_ref: str) -> Version:
        """The version with its functions as declared. Raises ProjectDoesNotExist, VersionDoesNotExist."""
        found = await self._session.execute(_GET, version_parameters(project_name, version_ref))
        version, _ = require(found.one_or_none(), parts=1)
        return await self._with_functions(version)

    async def list_of_project(self, project_name: str) -> list[VersionSummary]:
        """Newest first, exactly as `latest` sees them. Raises ProjectDoesNotExist."""
        found = await self._session.execute(
            select(VersionRow)
            .select_from(ProjectRow)
            .outerjoin(VersionRow, VersionRow.project_name == ProjectRow.project_name)
            .where(ProjectRow.project_name == searchable(project_name))
            .order_by(VersionRow.creation_time.desc(), VersionRow.version_id)
        )
        rows = found.scalars().all()
        if not rows:
            raise ProjectDoesNotExist
        return [to_version_summary(row) for row in rows if row is not None]

    async def _with_functions(self, version: VersionRow) -> Version:
        rows = await self._session.scalars(
            select(FunctionRow).where(FunctionRow.version_id == version.version_id).order_by(FunctionRow.function_id)
        )
        return Version(
            project_name=ProjectName(version.project_name),
            version_id=VersionId(version.version_id),
            creation_time=version.creation_time,
            functions=tuple(to_function(row, version) for row in rows),
        )


def _function_values(version_id: str, spec: FunctionSpec) -> dict[str, object]:
    return {
        "version_id": version_id,
        "function_name": spec.function_name,
        "docker_image": spec.docker_image,
        "virtual_cpus": spec.resource_spec.virtual_cpus,
        "memory_gbs": spec.resource_spec.memory_gbs,
        "max_concurrency": spec.resource_spec.max_concurrency,
        "max_retries": spec.execution_spec.max_retries,
        "timeout_seconds": spec.execution_spec.timeout_seconds,
        "retry_initial_interval_seconds": spec.execution_spec.retry_initial_interval_seconds,
        "retry_backoff_coefficient": spec.execution_spec.retry_backoff_coefficient,
        "retry_max_interval_seconds": spec.execution_spec.retry_max_interval_seconds,
        "command": None if spec.command is None else list(spec.command),
    }
