"""Versions of a project with their functions: written once, then read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.converters import to_function, to_version_summary
from control_plane_server.catalog.paths import (
    LATEST_VERSION,
    PROJECT,
    along_version,
    has_refused_function,
    require,
    searchable,
    version_parameters,
)
from control_plane_server.catalog.pauses import PauseRepository
from control_plane_server.catalog.platforms import to_column
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.reuse import to_reuse_column
from control_plane_server.catalog.schedules.columns import to_column as to_schedules_column
from control_plane_server.catalog.schedules.columns import to_specs
from control_plane_server.catalog.schedules.declarations import HAS_SCHEDULES, ScheduleChanges, ScheduleDeclarations
from control_plane_server.catalog.tables import FunctionRow, ProjectRow, SlotGroupRow, VersionRow
from control_plane_server.domain.entities import FunctionStatus, Version, VersionStatus, VersionSummary
from control_plane_server.domain.errors import ProjectDoesNotExist, ProjectIsBeingDeleted
from control_plane_server.domain.identifiers import ProjectName, VersionId, new_version_id
from control_plane_server.domain.specs import Concurrency, FunctionSpec

_NEXT_ID = func.nextval(func.pg_get_serial_sequence("functions", "function_id"))
_GET = along_version(
    select(*columns_of(VersionRow), (VersionRow.version_id == LATEST_VERSION).label("versions_is_latest"))
)


def status_of(version: type[VersionRow]) -> ColumnElement[str]:
    """Its VersionStatus."""
    has_pending_function = (
        select(FunctionRow.function_id)
        .where(FunctionRow.version_id == version.version_id, FunctionRow.status == FunctionStatus.PENDING.value)
        .correlate(version)
        .exists()
    )
    return case(
        (has_refused_function(version), VersionStatus.REFUSED.value),
        (has_pending_function, VersionStatus.PENDING.value),
        else_=VersionStatus.READY.value,
    )


_LIST = (
    select(
        *columns_of(VersionRow),
        status_of(VersionRow).label("versions_status"),
        (VersionRow.version_id == LATEST_VERSION).label("versions_is_latest"),
    )
    .select_from(ProjectRow)
    .outerjoin(VersionRow, VersionRow.project_name == ProjectRow.project_name)
    .where(ProjectRow.project_name == PROJECT)
    .order_by(VersionRow.declaration_number.desc())
)


class VersionRepository:
    """The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.schedule_changes = ScheduleChanges()  # by the last version that was created

    async def create(
        self, project_name: str, functions: Sequence[FunctionSpec], *, creates_project: bool = False
    ) -> Version:
        """Insert a version with its functions, and its project if need be: needs a transaction. The project's schedules
        follow it. Raises ProjectDoesNotExist, ProjectIsBeingDeleted, ScheduleNameIsTaken."""
        if creates_project:
            await ProjectRepository(self._connection).ensure(project_name)
        # Locked until the commit: a request to delete the project waits meanwhile, and then sees this version.
        found = await self._connection.execute(
            select(ProjectRow.deletion_request_time, HAS_SCHEDULES.label("has_schedules"))
            .where(ProjectRow.project_name == searchable(project_name))
            .with_for_update(read=True, of=ProjectRow)
        )
        project = found.one_or_none()
        if project is None:
            raise ProjectDoesNotExist
        if project.deletion_request_time is not None:
            raise ProjectIsBeingDeleted
        version_id = new_version_id()
        await self._connection.execute(insert(VersionRow).values(version_id=version_id, project_name=project_name))
        if functions:
            groups = await self._slot_groups(project_name, functions)
            rows = [
                _function_values(version_id, spec) | {"slot_group_id": groups.get(spec.function_name)}
                for spec in functions
            ]
            await self._connection.execute(insert(FunctionRow), rows)
            await PauseRepository(self._connection).inherit(project_name, version_id)
        if project.has_schedules or any(spec.schedules for spec in functions):
            declarations = ScheduleDeclarations(self._connection, project_name)
            self.schedule_changes = await declarations.follow_latest(refuses_taken_names=True)
        return await self.get(project_name, version_id)

    async def get(self, project_name: str, version_ref: str) -> Version:
        """The version with its functions as declared. Raises ProjectDoesNotExist, VersionDoesNotExist."""
        found = await self._connection.execute(_GET, version_parameters(project_name, version_ref))
        return await self._with_functions(require(found.one_or_none(), parts=1))

    async def list_of_project(self, project_name: str) -> list[VersionSummary]:
        """The version that was declared last comes first, in the order of `latest`. Raises ProjectDoesNotExist."""
        found = await self._connection.execute(_LIST, {PROJECT.key: searchable(project_name)})
        rows = found.all()
        if not rows:
            raise ProjectDoesNotExist
        return [to_version_summary(row) for row in rows if row.versions_version_id is not None]

    async def _slot_groups(self, project_name: str, functions: Sequence[FunctionSpec]) -> dict[str, int]:
        """By the names of those functions whose versions share their slots."""
        names = [spec.function_name for spec in functions if spec.resource_spec.concurrency is Concurrency.FUNCTION]
        if not names:
            return {}
        # Drawn as ids of functions are, so that an id is one of a function or of a group.
        new = [{"project_name": project_name, "function_name": name, "group_id": _NEXT_ID} for name in sorted(names)]
        await self._connection.execute(upsert(SlotGroupRow).values(new).on_conflict_do_nothing())
        found = await self._connection.execute(
            select(SlotGroupRow.function_name, SlotGroupRow.group_id).where(
                SlotGroupRow.project_name == project_name, SlotGroupRow.function_name.in_(names)
            )
        )
        return {row.function_name: row.group_id for row in found}

    async def _with_functions(self, version: Row[*tuple[Any, ...]]) -> Version:
        found = await self._connection.execute(
            select(
                *columns_of(VersionRow, FunctionRow),
                FunctionRow.signature,
                FunctionRow.environment,
                FunctionRow.schedules,
                (VersionRow.version_id == LATEST_VERSION).label("versions_is_latest"),  # of the instant of the statuses
            )
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(FunctionRow.version_id == version.versions_version_id)
            .order_by(FunctionRow.function_id),
            {PROJECT.key: version.versions_project_name},
        )
        functions = found.all()
        return Version(
            project_name=ProjectName(version.versions_project_name),
            version_id=VersionId(version.versions_version_id),
            creation_time=version.versions_creation_time,
            functions=tuple(
                to_function(
                    row,
                    signature=row.signature,
                    environment=row.environment,
                    schedules=to_specs(row.schedules),
                )
                for row in functions
            ),
            is_latest=(functions[0] if functions else version).versions_is_latest,
        )


def _function_values(version_id: str, spec: FunctionSpec) -> dict[str, object]:
    return {
        "version_id": version_id,
        "function_name": spec.function_name,
        "docker_image": spec.docker_image,
        "virtual_cpus": spec.resource_spec.virtual_cpus,
        "memory_gbs": spec.resource_spec.memory_gbs,
        "max_concurrency": spec.resource_spec.max_concurrency,
        "concurrency": spec.resource_spec.concurrency.value,
        "max_retries": spec.execution_spec.max_retries,
        "timeout_seconds": spec.execution_spec.timeout_seconds,
        "retry_initial_interval_seconds": spec.execution_spec.retry_initial_interval_seconds,
        "retry_backoff_coefficient": spec.execution_spec.retry_backoff_coefficient,
        "retry_max_interval_seconds": spec.execution_spec.retry_max_interval_seconds,
        "attempt_timeout_seconds": spec.execution_spec.attempt_timeout_seconds,
        "queue_timeout_seconds": spec.execution_spec.queue_timeout_seconds,
        "retry_jitter": spec.execution_spec.retry_jitter or None,
        "no_retry_on": list(spec.execution_spec.no_retry_on) or None,
        "resume_children": spec.execution_spec.resume_children,
        "command": None if spec.command is None else list(spec.command),
        "signature": spec.signature,
        "environment": dict(spec.environment) or None,
        "secrets": dict(spec.secrets) or None,
        "platform": to_column(spec.platform),
        "reuse": to_reuse_column(spec.reuse),
        "schedules": to_schedules_column(spec.schedules),
    }
