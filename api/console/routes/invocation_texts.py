"""/ui/invocations/…/input, output, log: what an invocation was given and left, as a file or page by page."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from api.blobs import content_of
from api.console import links
from api.console.invocation_states import read_invocation
from api.console.log_reads import raw_lines, read_part, search
from api.console.rendering import render
from api.console.routers import page_router
from api.services import services_of
from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.domain.entities import Execution, Invocation
from control_plane_server.domain.errors import ExecutionDoesNotExist
from control_plane_server.domain.identifiers import BlobId

_INVOCATION = "/ui/invocations/{invocation_id}"
_TEXT = "text/plain; charset=utf-8"
_Attempt = Annotated[int | None, Query(ge=1)]

router = page_router()


@router.get(f"{_INVOCATION}/input")
async def download_input(invocation_id: str, request: Request) -> Response:
    invocation = await read_invocation(services_of(request), invocation_id)
    return await _file(request, invocation, invocation.input, invocation.input_blob_id, "input")


@router.get(f"{_INVOCATION}/output")
async def download_output(invocation_id: str, request: Request) -> Response:
    """The last one that was reported."""
    invocation = await read_invocation(services_of(request), invocation_id)
    last = _execution_of(invocation, None)
    return await _file(request, invocation, last.output or "", last.output_blob_id, "output")


@router.get(f"{_INVOCATION}/log.txt")
async def download_log(invocation_id: str, request: Request, attempt: _Attempt = None) -> Response:
    """All of the log of an attempt, the last one unless another is named, as it was written."""
    services = services_of(request)
    execution = _execution_of(await read_invocation(services, invocation_id), attempt)
    return StreamingResponse(raw_lines(services, execution), media_type=_TEXT)


@router.get(f"{_INVOCATION}/log")
async def show_log(
    *,
    invocation_id: str,
    request: Request,
    attempt: _Attempt = None,
    offset: str | None = None,
    search_: Annotated[str, Query(alias="search", max_length=200)] = "",
) -> Response:
    """A page of the log of an attempt, or of those of its lines that have a text."""
    services = services_of(request)
    invocation = await read_invocation(services, invocation_id)
    execution = _execution_of(invocation, attempt)
    wanted = search_.strip()
    if wanted:
        log = await search(services, execution, wanted, offset)
    else:
        log = await read_part(services, execution, offset)
    fields = [("attempt", str(execution.attempt))] + ([("search", wanted)] if wanted else [])
    following = None if log.is_whole or log.next_offset is None else (*fields, ("offset", log.next_offset))
    return render(
        request,
        "log.html",
        invocation=invocation,
        execution=execution,
        log=log,
        search=wanted,
        is_first=offset is None,
        first_link=links.invocation_part(invocation_id, "log", *fields),
        next_link=None if following is None else links.invocation_part(invocation_id, "log", *following),
    )


def _execution_of(invocation: Invocation, attempt: int | None) -> Execution:
    """The last one if no attempt is named. Raises ExecutionDoesNotExist."""
    found = [one for one in invocation.executions if attempt in (None, one.attempt)]
    if not found:
        raise ExecutionDoesNotExist
    return found[-1]


async def _file(request: Request, invocation: Invocation, text: str, blob_id: BlobId | None, name: str) -> Response:
    """As text that a browser shows, or a file that it saves."""
    if blob_id is None:
        return Response(text, media_type=_TEXT)
    services = services_of(request)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).get(invocation.function.ref.project_name, blob_id)
    answer = await content_of(services, blob)
    answer.headers["Content-Disposition"] = f'attachment; filename="{invocation.invocation_id}-{name}"'
    return answer
