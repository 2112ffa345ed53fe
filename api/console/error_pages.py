"""Errors as pages, in the layout of all others."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from api.console import links
from api.console.access import FormIsForeign, LoginIsRequired
from api.console.forms import FormIsMalformed
from api.console.rendering import render
from control_plane_server.domain.errors import ApiError, Misconfigured, ServiceIsUnavailable, Unavailable

logger = structlog.get_logger(__name__)

_TITLES = {
    400: "That cannot be done",
    403: "Not allowed",
    404: "Not found",
    409: "That cannot be done now",
    503: "Not available at the moment",
}
_RETRY_AFTER = {"Retry-After": "2"}
_ANYTHING = "*/*"


def add_error_pages(console: FastAPI) -> None:
    """For what routes raise, and for defects."""
    console.add_exception_handler(LoginIsRequired, _ask_to_log_in)
    console.add_exception_handler(FormIsForeign, _show_foreign_form)
    console.add_exception_handler(FormIsMalformed, _show_malformed)
    console.add_exception_handler(ApiError, _show_api_error)
    console.add_exception_handler(Unavailable, _show_unavailable)
    console.add_exception_handler(Misconfigured, _show_misconfigured)
    console.add_exception_handler(RequestValidationError, _show_invalid)
    console.add_exception_handler(HTTPException, _show_http_error)
    console.add_exception_handler(Exception, _show_defect)


def show_error(request: Request, status_code: int, text: str) -> Response:
    """A page that says it in one sentence."""
    headers = _RETRY_AFTER if status_code == ServiceIsUnavailable.http_status else None
    title = _TITLES.get(status_code, "Something went wrong" if status_code >= 500 else _TITLES[400])
    return render(
        request, "error.html", status_code=status_code, headers=headers, title=title, text=text, status=status_code
    )


async def _ask_to_log_in(request: Request, _: Exception) -> Response:
    """A page leads to the login and back; a part of one, as scripts ask for, leads the whole page there."""
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": links.LOGIN})
    accepted = request.headers.get("Accept", _ANYTHING)
    if request.method != "GET" or not ("text/html" in accepted or _ANYTHING in accepted):
        return show_error(request, 401, "Log in first, then do that again.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        # By a link from elsewhere browsers send no cookie, and they do as soon as a page of ours asks.
        return render(request, "once_more.html")
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(links.login(here), status_code=303)


async def _show_foreign_form(request: Request, _: Exception) -> Response:
    return show_error(
        request, 403, "The form is not from a page of this session. Go back, load the page anew, and send it again."
    )


async def _show_malformed(request: Request, error: Exception) -> Response:
    return show_error(request, 400, f"{error}.")


async def _show_api_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return show_error(request, error.http_status, f"{error}.")


async def _show_unavailable(request: Request, _: Exception) -> Response:
    return show_error(
        request, ServiceIsUnavailable.http_status, f"{ServiceIsUnavailable.default_message()}. Try again in a moment."
    )


async def _show_misconfigured(request: Request, error: Exception) -> Response:
    logger.error("control_plane_is_misconfigured", reason=str(error))
    return show_error(request, 500, f"{error}.")


async def _show_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return show_error(request, 400, f"{'; '.join(problems)}.")


async def _show_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    text = "There is no such page." if error.status_code == 404 else f"{error.detail}."
    return show_error(request, error.status_code, text)


async def _show_defect(request: Request, _: Exception) -> Response:
    """The server logs the defect."""
    return show_error(request, 500, f"This is a defect. The log says more of request {request.state.request_id}.")
