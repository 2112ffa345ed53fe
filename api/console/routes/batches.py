"""/ui/batches/…: how far a batch is, what went wrong in it; cancelled, or its failures called once more."""

import contextlib

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from api import cancellations
from api.console import links
from api.console.forms import read_form
from api.console.invocation_lists import read_invocations
from api.console.rendering import render
from api.console.routers import page_router
from api.console.submit_keys import new_submit_key, submit_key_of
from api.console.views.batches import FAILURES, failures_of, progress_of
from api.console.views.pages import PagePlace
from api.services import Services, services_of
from api.submissions import submit_replay
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.project_invocations import ListedInvocation, ProjectInvocationRepository
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.errors import BatchIsAlreadyTerminated

_BATCH = "/ui/batches/{batch_id}"
_FIRST_FAILURES = 10
_BATCHES_PER_PAGE = 50
_ASK_NO_MORE = 286  # as htmx has it

router = page_router()


@router.get(_BATCH)
async def show_batch(batch_id: str, request: Request) -> Response:
    services = services_of(request)
    batch = await _read(services, batch_id)
    project_name = batch.function.project_name
    listed = await read_invocations(request, project_name, path=links.batch(batch_id), batch_id=batch_id)
    return render(
        request,
        "batch.html",
        status_code=listed.status_code,
        batch=batch,
        progress=progress_of(batch),
        failures=await _first_failures(services, batch),
        listed=listed,
        project_name=project_name,
    )


@router.get("/ui/projects/{project_name}/functions/{function_name}/batches")
async def list_batches(project_name: str, function_name: str, request: Request) -> Response:
    """Those of the latest version. Replays are of no function."""
    place = PagePlace.of(request.query_params.multi_items())
    path = FunctionPath(project_name=project_name, version_ref="latest", function_name=function_name)
    async with services_of(request).database.statement() as connection:
        page = await BatchRepository(connection).list_of_function(
            path, offset=place.offset, max_results=_BATCHES_PER_PAGE
        )
    return render(
        request,
        "batches.html",
        function=page.function,
        batches=[(batch, progress_of(batch)) for batch in page.batches],
        pages=place.links(links.function_batches(project_name, function_name), (), page.next_offset),
    )


@router.get(f"{_BATCH}/progress")
async def show_progress(batch_id: str, request: Request) -> Response:
    """The part of the page that changes, until the batch has ended."""
    batch = await _read(services_of(request), batch_id)
    return render(
        request,
        "batch_progress.html",
        status_code=200 if batch.completion_time is None else _ASK_NO_MORE,
        batch=batch,
        progress=progress_of(batch),
    )


@router.get(f"{_BATCH}/cancel")
async def ask_to_cancel_batch(batch_id: str, request: Request) -> Response:
    return render(request, "batch_cancel.html", batch=await _read(services_of(request), batch_id))


@router.post(f"{_BATCH}/cancel")
async def cancel_batch(batch_id: str, request: Request) -> Response:
    """Leads to the batch, also if it had ended before."""
    services = services_of(request)
    with contextlib.suppress(BatchIsAlreadyTerminated):
        await cancellations.cancel_batch(services, await _read(services, batch_id))
    return RedirectResponse(links.batch(batch_id), status_code=303)


@router.get(f"{_BATCH}/replay")
async def ask_to_replay_batch(batch_id: str, request: Request) -> Response:
    batch = await _read(services_of(request), batch_id)
    return render(request, "batch_replay.html", batch=batch, failures=failures_of(batch), submit_key=new_submit_key())


@router.post(f"{_BATCH}/replay")
async def replay_batch(batch_id: str, request: Request) -> Response:
    """What has failed of it, as a batch, to which it leads; a form that is sent twice, to the same."""
    services, form = services_of(request), await read_form(request)
    batch = await _read(services, batch_id)
    new, is_new = await submit_replay(
        services.database,
        batch.function.project_name,
        ProjectInvocationFilter(batch_id=batch_id, outcomes=FAILURES),
        version_ref=form.get("version_ref") or None,
        client_key=submit_key_of(form),
    )
    if is_new:
        await services.orchestrator.start_batch(new)
    return RedirectResponse(links.batch(new.batch_id), status_code=303)


async def _read(services: Services, batch_id: str) -> Batch:
    async with services.database.statement() as connection:
        return await BatchRepository(connection).get_by_id(batch_id)


async def _first_failures(services: Services, batch: Batch) -> tuple[ListedInvocation, ...]:
    """The newest of them."""
    if not failures_of(batch):
        return ()
    async with services.database.statement() as connection:
        page = await ProjectInvocationRepository(connection).read(
            batch.function.project_name,
            matching=ProjectInvocationFilter(batch_id=batch.batch_id, outcomes=FAILURES),
            offset=None,
            max_results=_FIRST_FAILURES,
        )
    return page.invocations
