"""/ui/projects/…/functions/…/submit: a form that calls a function."""

from dataclasses import replace

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from api.console import links
from api.console.forms import read_form
from api.console.invocation_states import read_invocation
from api.console.rendering import render
from api.console.routers import page_router
from api.console.submit_forms import INPUT, FormIsWrong, SubmitForm, definition_of, new_form, sent_form
from api.console.submit_keys import new_submit_key
from api.console.views.argument_fields import with_problem
from api.services import Services, services_of
from api.submissions import submit_and_start
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.entities import Function
from control_plane_server.domain.errors import FunctionDoesNotExist, IdempotencyKeyIsReused

_SUBMIT = "/ui/projects/{project_name}/functions/{function_name}/submit"
_LATEST = "latest"
_SENT_BEFORE = "This form was sent before with other values. Send it once more to call the function with these, too."

router = page_router()


@router.get(_SUBMIT)
async def show_submit_form(
    *,
    project_name: str,
    function_name: str,
    request: Request,
    version: str = _LATEST,
    as_text: bool = False,
    like: str | None = None,
) -> Response:
    """`like`: an invocation with whose input and options it is filled in."""
    services = services_of(request)
    function = await _read(services, project_name, version, function_name)
    invocation = None if like is None else await read_invocation(services, like)
    return _page(request, new_form(function, version, as_text=as_text, like=invocation))


@router.post(_SUBMIT)
async def submit(project_name: str, function_name: str, request: Request) -> Response:
    """Leads to the new invocation; a form that is sent twice, to the same."""
    services, sent = services_of(request), await read_form(request)
    version = sent.get("version") or _LATEST
    form = sent_form(await _read(services, project_name, version, function_name), version, sent)
    path = FunctionPath(project_name=project_name, version_ref=version, function_name=function_name)
    try:
        new = definition_of(form).to_domain(None)
        invocation = await submit_and_start(services, path, new, form.submit_key)
    except FormIsWrong as error:
        return _page(request, error.form)
    except RequestValidationError as error:
        return _page(request, _with_wrong_argument(form, error))
    except IdempotencyKeyIsReused:
        return _page(request, replace(form, submit_key=new_submit_key(), problems={"": _SENT_BEFORE}))
    return RedirectResponse(links.invocation(invocation.invocation_id), status_code=303)


async def _read(services: Services, project_name: str, version_ref: str, function_name: str) -> Function:
    """With its signature. Raises the NotFound of the outermost part that is missing."""
    async with services.database.statement() as connection:
        version = await VersionRepository(connection).get(project_name, version_ref)
    for function in version.functions:
        if function.ref.function_name == function_name:
            return function
    raise FunctionDoesNotExist


def _with_wrong_argument(form: SubmitForm, error: RequestValidationError) -> SubmitForm:
    """What the function does not take, beside the argument if it is one of the form's."""
    problem = error.errors()[0]
    text = f"{problem['msg'].removeprefix('Value error, ')}."
    name = str(problem["loc"][-1])
    if form.fields is None:
        return form.with_problem(INPUT, text)
    if name not in {one.name for one in form.fields}:
        return form.with_problem("", text)
    return replace(form, fields=with_problem(form.fields, name, text))


def _page(request: Request, form: SubmitForm) -> Response:
    is_wrong = bool(form.problems) or any(one.problem for one in form.fields or ())
    return render(request, "submit.html", status_code=400 if is_wrong else 200, form=form)
