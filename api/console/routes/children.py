"""/ui/invocations/…/children, tree: what an invocation has started."""

from fastapi import Request
from starlette.responses import Response

from api.child_counts import counted
from api.console import links
from api.console.invocation_lists import read_invocations
from api.console.invocation_states import read_invocation
from api.console.rendering import render
from api.console.routers import page_router
from api.services import services_of
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.project_invocations import ProjectInvocationRepository

_AT_ONCE = 20  # of a branch of the tree

router = page_router()


@router.get("/ui/invocations/{invocation_id}/children")
async def list_children(invocation_id: str, request: Request) -> Response:
    services = services_of(request)
    invocation = await read_invocation(services, invocation_id)
    project_name = invocation.function.ref.project_name
    path = links.invocation_part(invocation_id, "children")
    listed = await read_invocations(request, project_name, path=path, parent_invocation_id=invocation_id)
    return render(
        request,
        "children.html",
        status_code=listed.status_code,
        invocation=invocation,
        children=await counted(services, invocation),
        listed=listed,
        project_name=project_name,
    )


@router.get("/ui/invocations/{invocation_id}/tree")
async def show_branch(invocation_id: str, request: Request, project: str, offset: str | None = None) -> Response:
    """A branch of the tree, which is a part of a page. `project`: that of the invocation, and so of its children."""
    async with services_of(request).database.statement() as connection:
        page = await ProjectInvocationRepository(connection).read(
            project,
            matching=ProjectInvocationFilter(parent_invocation_id=invocation_id),
            offset=offset,
            max_results=_AT_ONCE,
        )
    return render(
        request,
        "invocation/branch.html",
        invocation_id=invocation_id,
        project_name=project,
        page=page,
        is_first=offset is None,
    )
