"""/ui/login and /ui/logout."""

import re

import structlog
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.authorization import matching_root_key
from api.console import links
from api.console.access import (
    FormIsForeign,
    check_form_token,
    cookie_of,
    delete_cookie,
    require_session,
    session_of,
    set_cookie,
)
from api.console.rendering import render
from api.console.sessions import find_visit, new_session, new_visit
from api.services import services_of

logger = structlog.get_logger(__name__)
router = APIRouter()

_MAX_LOGIN_BYTES = 16 * 1024
# A page of ours, as a path: what else browsers would take for the address of another host has another beginning.
_OWN_PAGE = re.compile(r"/ui(?:[/?][!-\[\]-~]*)?")
_PAGE_IS_OLD = "This page was open for too long, or this browser keeps no cookies. Enter the key again."
_KEY_IS_WRONG = "This is no API key of this control plane. Tokens of executions are none either."


@router.get(links.LOGIN)
async def show_login(request: Request, next: str = links.OVERVIEW) -> Response:
    if session_of(request) is not None:
        return RedirectResponse(_own_page(next), status_code=303)
    return _login_page(request, next_path=next)


@router.post(links.LOGIN)
async def log_in(request: Request) -> Response:
    """A new session, whatever the browser has had."""
    if session_of(request) is not None:  # from another tab
        return RedirectResponse(links.OVERVIEW, status_code=303)
    root_keys = services_of(request).root_keys
    visit = find_visit(root_keys, cookie_of(request))
    if visit is None:
        return _login_page(request, problem=_PAGE_IS_OLD, status_code=403)
    try:
        form = await check_form_token(request, visit, max_bytes=_MAX_LOGIN_BYTES)
    except FormIsForeign:
        return _login_page(request, problem=_PAGE_IS_OLD, status_code=403)
    next_path = _own_page(form.get("next"))
    root_key = matching_root_key(root_keys, form.get("api_key").strip().encode())
    if root_key is None:
        logger.warning("console_login_refused")
        return _login_page(request, next_path=next_path, problem=_KEY_IS_WRONG, status_code=403)
    response = RedirectResponse(next_path, status_code=303)
    set_cookie(request, response, new_session(root_key))
    return response


@router.post(links.LOGOUT)
async def log_out(request: Request) -> Response:
    await require_session(request)
    response = RedirectResponse(links.LOGIN, status_code=303)
    delete_cookie(request, response)
    return response


def _login_page(
    request: Request, *, next_path: str = links.OVERVIEW, problem: str | None = None, status_code: int = 200
) -> Response:
    visit = new_visit(services_of(request).root_keys)
    page = render(
        request,
        "login.html",
        status_code=status_code,
        next_path=_own_page(next_path),
        problem=problem,
        login_token=visit.form_token,
    )
    set_cookie(request, page, visit)
    return page


def _own_page(path: str) -> str:
    return path if _OWN_PAGE.fullmatch(path) else links.OVERVIEW
