"""The list of a whole project's invocations, page by page, in the order of a function's list; and their counts."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, any_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.invocation_filters import BACKWARDS, MOST, ProjectInvocationFilter, Shape
from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.invocation_summaries import SUMMARY, to_summary, with_parent
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, ProjectRow, VersionRow
from control_plane_server.domain.entities import InvocationSummary
from control_plane_server.domain.errors import ProjectDoesNotExist
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedInvocation:
    function: FunctionRef
    invocation: InvocationSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectInvocationPage:
    """`next_offset`: where the next page begins; None on the last page."""

    invocations: tuple[ListedInvocation, ...]
    next_offset: str | None


class ProjectInvocationRepository:
    """Reads only."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def read(
        self, project_name: str, *, matching: ProjectInvocationFilter, offset: str | None, max_results: int
    ) -> ProjectInvocationPage:
        """At most `max_results` invocations from the offset on; None starts with the newest.

        Raises ProjectDoesNotExist, and only then OffsetIsInvalid.
        """
        project = await require_project(self._connection, project_name)
        start = None if offset is None else PageStart.parse(offset)
        parameters = matching.parameters(project, start) | {MOST.key: max_results + 1}
        rows = (await self._connection.execute(_page(Shape.of(matching, start=start)), parameters)).all()
        following = rows[max_results:]
        return ProjectInvocationPage(
            invocations=tuple(
                ListedInvocation(
                    function=FunctionRef(
                        project_name=project,
                        version_id=VersionId(row.version_id),
                        function_name=FunctionName(row.function_name),
                    ),
                    invocation=to_summary(row),
                )
                for row in rows[:max_results]
            ),
            next_offset=(
                str(PageStart(second=-following[0].backwards, item_id=following[0].invocation_id))
                if following
                else None
            ),
        )


async def require_project(connection: AsyncConnection, project_name: str) -> ProjectName:
    """Raises ProjectDoesNotExist."""
    found = await connection.scalar(
        select(ProjectRow.project_name).where(ProjectRow.project_name == searchable(project_name))
    )
    if found is None:
        raise ProjectDoesNotExist
    return ProjectName(found)


@cache
def _page(shape: Shape) -> Select[*tuple[Any, ...]]:
    newest = shape.newest().subquery("page")
    # An array, as joined to a page of unknown size, all invocations may be read.
    ids = func.array(select(newest.c.invocation_id).scalar_subquery())
    return (
        with_parent(
            select(BACKWARDS.label("backwards"), VersionRow.version_id, FunctionRow.function_name, *SUMMARY)
            .select_from(InvocationRow)
            .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
        )
        .where(InvocationRow.invocation_id == any_(ids))
        .order_by(BACKWARDS, InvocationRow.invocation_id)
    )
