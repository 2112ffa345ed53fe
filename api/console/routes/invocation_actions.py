"""/ui/invocations/…/cancel, replay: asked once more, then done."""

import contextlib

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from api import cancellations
from api.console import links
from api.console.forms import read_form
from api.console.invocation_states import read_invocation
from api.console.rendering import render
from api.console.routers import page_router
from api.console.submit_keys import new_submit_key, submit_key_of
from api.replays import replay
from api.services import services_of
from api.visibility import path_of
from control_plane_server.domain.errors import InvocationIsAlreadyTerminated

_CANCEL = "/ui/invocations/{invocation_id}/cancel"
_REPLAY = "/ui/invocations/{invocation_id}/replay"

router = page_router()


@router.get(_CANCEL)
async def ask_to_cancel(invocation_id: str, request: Request) -> Response:
    invocation = await read_invocation(services_of(request), invocation_id)
    return render(request, "invocation_cancel.html", invocation=invocation)


@router.post(_CANCEL)
async def cancel_invocation(invocation_id: str, request: Request) -> Response:
    """Leads to the invocation, also if it had ended before."""
    services = services_of(request)
    with contextlib.suppress(InvocationIsAlreadyTerminated):
        await cancellations.cancel(services, path_of(await read_invocation(services, invocation_id)))
    return RedirectResponse(links.invocation(invocation_id), status_code=303)


@router.get(_REPLAY)
async def ask_to_replay(invocation_id: str, request: Request) -> Response:
    invocation = await read_invocation(services_of(request), invocation_id)
    return render(request, "invocation_replay.html", invocation=invocation, submit_key=new_submit_key())


@router.post(_REPLAY)
async def replay_invocation(invocation_id: str, request: Request) -> Response:
    """Leads to the new one; a form that is sent twice, to the same."""
    services, form = services_of(request), await read_form(request)
    new = await replay(
        services,
        await read_invocation(services, invocation_id),
        version_ref=form.get("version_ref") or None,
        client_key=submit_key_of(form),
    )
    return RedirectResponse(links.invocation(new.invocation_id), status_code=303)
