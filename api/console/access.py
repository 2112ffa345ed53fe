"""Who may see pages: whoever has a session; and only its own forms change anything."""

from fastapi import Request
from starlette.responses import Response

from api.bodies import allow_body_of
from api.console.forms import Form, read_form
from api.console.sessions import LIFETIME, Session, find_session
from api.services import services_of

FORM_TOKEN_FIELD = "form_token"
FORM_TOKEN_HEADER = "X-Form-Token"
MAX_FORM_BYTES = 1024 * 1024  # an input of 249,999 characters, each of which may be escaped as three or more

_COOKIE = "control_plane_session"
_SESSION = "control_plane.console_session"
_SAFE_METHODS = ("GET", "HEAD")


class LoginIsRequired(Exception):
    """There is no session, or its time is over."""


class FormIsForeign(Exception):
    """The form is not from a page of this session."""


async def require_session(request: Request) -> Session:
    """The session of the request. Raises LoginIsRequired, and FormIsForeign unless what changes something has the
    session's token, in a field of its form or in a header."""
    session = session_of(request)
    if session is None:
        raise LoginIsRequired
    if request.method not in _SAFE_METHODS:
        await check_form_token(request, session, max_bytes=MAX_FORM_BYTES)
    return session


async def check_form_token(request: Request, session: Session, *, max_bytes: int) -> Form:
    """The form that was sent. Raises FormIsForeign, FormIsMalformed."""
    allow_body_of(request.scope, max_bytes)
    presented = request.headers.get(FORM_TOKEN_HEADER)
    form = await read_form(request)
    if not session.has_form_token(presented or form.get(FORM_TOKEN_FIELD)):
        raise FormIsForeign
    return form


def session_of(request: Request) -> Session | None:
    """None if nobody has logged in."""
    if _SESSION not in request.scope:
        request.scope[_SESSION] = find_session(services_of(request).root_keys, cookie_of(request))
    session: Session | None = request.scope[_SESSION]
    return session


def cookie_of(request: Request) -> str:
    """Empty if there is none."""
    return request.cookies.get(_cookie_name(request), "")


def set_cookie(request: Request, response: Response, session: Session) -> None:
    """For the console alone, unreadable for scripts; by https alone if that is how the page was asked for."""
    response.set_cookie(
        _cookie_name(request),
        session.cookie,
        max_age=int(LIFETIME.total_seconds()),
        path="/ui",
        secure=_is_by_https(request),
        httponly=True,
        samesite="strict",
    )


def delete_cookie(request: Request, response: Response) -> None:
    """The session is not known to this browser any more."""
    response.delete_cookie(
        _cookie_name(request), path="/ui", secure=_is_by_https(request), httponly=True, samesite="strict"
    )


def _cookie_name(request: Request) -> str:
    """With the port, as browsers send the cookies of a host to all ports of it, where other stacks may listen."""
    return f"{_COOKIE}_{request.url.port}" if request.url.port else _COOKIE


def _is_by_https(request: Request) -> bool:
    """Also where a load balancer says so: whoever forges that keeps but the own cookie back."""
    return "https" in (request.url.scheme, request.headers.get("X-Forwarded-Proto"))
