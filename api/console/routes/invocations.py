"""/ui/invocations/…: one invocation, live."""

from fastapi import Request
from starlette.responses import Response

from api.console.invocation_states import read_state, shown
from api.console.live import open_live
from api.console.log_reads import read_tail
from api.console.rendering import render
from api.console.routers import page_router
from api.console.views.json_trees import tree_of
from api.services import services_of

_INVOCATION = "/ui/invocations/{invocation_id}"

router = page_router()


@router.get(_INVOCATION)
async def show_invocation(invocation_id: str, request: Request) -> Response:
    services = services_of(request)
    state = await read_state(services, invocation_id)
    log = await read_tail(services, state.last_execution)
    return render(
        request,
        "invocation.html",
        input=tree_of(state.invocation.input),
        log=log,
        history_url=services.history_url(invocation_id),
        **shown(state),
    )


@router.get(f"{_INVOCATION}/live")
async def follow_invocation(invocation_id: str, request: Request) -> Response:
    """What changes on the page, as server-sent events."""
    return await open_live(services_of(request), invocation_id)
