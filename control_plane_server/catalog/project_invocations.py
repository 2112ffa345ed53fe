"""The list of a whole project's invocations, page by page, in the order of a function's list."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.ends import MEASURED_NOW
from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.invocation_summaries import OWN_SUMMARY, PARENT, PARENT_FUNCTION, to_summary
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, ProjectRow, VersionRow, epoch_second
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus, InvocationSummary
from control_plane_server.domain.errors import ProjectDoesNotExist
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectInvocationFilter:
    """What an invocation must match; None matches all. `since` and `until`: of its creation, in seconds since 1970,
    both inclusive."""

    status: InvocationStatus | None = None
    outcome: InvocationOutcome | None = None
    function_name: str | None = None
    version_id: str | None = None
    since: int | None = None
    until: int | None = None
    parent_invocation_id: str | None = None
    batch_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedInvocation:
    function: FunctionRef
    invocation: InvocationSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectInvocationPage:
    """`next_offset`: where the next page begins; None on the last page."""

    invocations: tuple[ListedInvocation, ...]
    next_offset: str | None


_SECOND = epoch_second(InvocationRow.creation_time)
# What `to_summary` reads, but for the parent's function.
_FOUND = (_SECOND.label("second"), *OWN_SUMMARY)


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
        project = await self._connection.scalar(
            select(ProjectRow.project_name).where(ProjectRow.project_name == searchable(project_name))
        )
        if project is None:
            raise ProjectDoesNotExist
        start = None if offset is None else PageStart.parse(offset)
        # The first of each function, by its index, of which the page is made: invocations of other projects are not
        # read, however many there are.
        found = (
            select(*_FOUND)
            .select_from(InvocationRow)
            .outerjoin(MEASURED_NOW, true())
            .where(InvocationRow.function_id == FunctionRow.function_id, *_conditions(matching, start))
            .order_by(_SECOND.desc(), InvocationRow.invocation_id)
            .limit(max_results + 1)
            .correlate(FunctionRow)
            .lateral("found")
        )
        page = (
            select(found, VersionRow.version_id, FunctionRow.function_name)
            .select_from(VersionRow)
            .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
            .join(found, true())
            .where(VersionRow.project_name == project, *_functions(matching))
            .order_by(found.c.second.desc(), found.c.invocation_id)
            .limit(max_results + 1)
            .cte("page")
        )
        parent_function_name = (
            select(PARENT_FUNCTION.function_name)
            .join(PARENT, PARENT.function_id == PARENT_FUNCTION.function_id)
            .where(PARENT.invocation_id == page.c.parent_invocation_id)
            .scalar_subquery()
        )
        statement = select(page, parent_function_name.label("parent_function_name")).order_by(
            page.c.second.desc(), page.c.invocation_id
        )
        rows = (await self._connection.execute(statement)).all()
        following = rows[max_results:]
        return ProjectInvocationPage(
            invocations=tuple(
                ListedInvocation(
                    function=FunctionRef(
                        project_name=ProjectName(project),
                        version_id=VersionId(row.version_id),
                        function_name=FunctionName(row.function_name),
                    ),
                    invocation=to_summary(row),
                )
                for row in rows[:max_results]
            ),
            next_offset=(
                str(PageStart(second=following[0].second, item_id=following[0].invocation_id)) if following else None
            ),
        )


def _functions(matching: ProjectInvocationFilter) -> list[ColumnElement[bool]]:
    """Which functions are looked through. Those of the invocations of a batch or a parent are found by them, as a
    project may have very many."""
    conditions: list[ColumnElement[bool]] = []
    if matching.function_name is not None:
        conditions.append(FunctionRow.function_name == matching.function_name)
    if matching.version_id is not None:
        conditions.append(VersionRow.version_id == matching.version_id)
    related = _related(matching)
    if related:
        conditions.append(FunctionRow.function_id.in_(select(InvocationRow.function_id).where(*related)))
    return conditions


def _conditions(matching: ProjectInvocationFilter, start: PageStart | None) -> list[ColumnElement[bool]]:
    conditions = _related(matching)
    if matching.status is not None:
        conditions.append(InvocationRow.status == matching.status.value)
    if matching.outcome is not None:
        conditions.append(InvocationRow.status == InvocationStatus.TERMINATED.value)
        conditions.append(
            or_(
                InvocationRow.outcome == matching.outcome.value,
                and_(InvocationRow.outcome.is_(None), known_outcome() == matching.outcome.value),
            )
        )
    if matching.since is not None:
        conditions.append(matching.since <= _SECOND)
    if matching.until is not None:
        conditions.append(matching.until >= _SECOND)
    if start is not None:
        # The index serves the first condition; the second one selects within the start's own second.
        conditions.append(start.second >= _SECOND)
        conditions.append(or_(start.second > _SECOND, InvocationRow.invocation_id >= start.item_id))
    return conditions


def _related(matching: ProjectInvocationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if matching.parent_invocation_id is not None:
        conditions.append(InvocationRow.parent_invocation_id == matching.parent_invocation_id)
    if matching.batch_id is not None:
        conditions.append(InvocationRow.batch_id == matching.batch_id)
    return conditions
