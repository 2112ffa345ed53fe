"""A page of a project's invocations with the filters that it was asked for, for all pages that show such a list."""

from dataclasses import dataclass

from starlette.requests import Request

from api.console.views.filters import FilterFields, FilterIsInvalid
from api.console.views.pages import PageLinks, PagePlace
from api.services import services_of
from control_plane_server.catalog.project_invocations import ListedInvocation, ProjectInvocationRepository

_PER_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationList:
    """`problem`: why the filters cannot be used; then it is empty. `path`: of the page that shows it."""

    path: str
    fields: FilterFields
    invocations: tuple[ListedInvocation, ...]
    pages: PageLinks
    problem: str | None = None

    @property
    def status_code(self) -> int:
        return 200 if self.problem is None else 400


async def read_invocations(request: Request, project_name: str, *, path: str, **fixed: str) -> InvocationList:
    """`fixed`: filters that the page gives. Raises ProjectDoesNotExist, OffsetIsInvalid."""
    query = request.query_params.multi_items()
    fields, place = FilterFields.of(query), PagePlace.of(query)
    try:
        matching = fields.matching(**fixed)
    except FilterIsInvalid as error:
        pages = PageLinks(newest=None, newer=None, older=None)
        return InvocationList(path=path, fields=fields, invocations=(), pages=pages, problem=f"{error}.")
    async with services_of(request).database.statement() as connection:
        page = await ProjectInvocationRepository(connection).read(
            project_name, matching=matching, offset=place.offset, max_results=_PER_PAGE
        )
    return InvocationList(
        path=path,
        fields=fields,
        invocations=page.invocations,
        pages=place.links(path, fields.pairs, page.next_offset),
    )
