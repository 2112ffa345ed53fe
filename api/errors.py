"""Turns errors into answers, and documents which errors a route answers with."""

from collections import defaultdict
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse, PlainTextResponse

from api import request_ids
from api.problems import presentable_problems
from api.schemas.service import ErrorResponse
from api.tags import Tag
from control_plane_server.domain.errors import (
    ApiError,
    ExecutionAsksForTooMuch,
    IdempotencyKeyIsReused,
    Misconfigured,
    ServiceIsUnavailable,
    Unavailable,
)

logger = structlog.get_logger(__name__)

_RETRY_AFTER_SECONDS = "2"
_WORTH_REPEATING = (ExecutionAsksForTooMuch, ServiceIsUnavailable)


def add_error_handlers(app: FastAPI) -> None:
    """Have the app answer `{"detail": …}` to ApiError, Unavailable (503), Misconfigured (500), invalid requests (422)
    and defects (500, as plain text)."""
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(Unavailable, _answer_unavailable)
    app.add_exception_handler(Misconfigured, _answer_misconfigured)
    app.add_exception_handler(IdempotencyKeyIsReused, _answer_reused_key)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(Exception, _answer_defect)


def documented(*errors: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """The argument `responses` of a route that answers with these errors: their texts by status."""
    texts: defaultdict[int | str, list[str]] = defaultdict(list)
    for error in errors:
        texts[error.http_status].append(error.default_message())
    return {status: {"model": ErrorResponse, "description": "; ".join(details)} for status, details in texts.items()}


async def _answer_api_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ApiError):
        raise error
    headers = {"Retry-After": _RETRY_AFTER_SECONDS} if isinstance(error, _WORTH_REPEATING) else None
    return JSONResponse({"detail": str(error)}, status_code=error.http_status, headers=headers)


async def _answer_unavailable(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": ServiceIsUnavailable.default_message()},
        status_code=ServiceIsUnavailable.http_status,
        headers={"Retry-After": _RETRY_AFTER_SECONDS},
    )


async def _answer_misconfigured(_: Request, error: Exception) -> JSONResponse:
    """With the text, which says what to repair: only requests with a root key get here."""
    logger.error("control_plane_is_misconfigured", reason=str(error))
    return JSONResponse({"detail": str(error)}, status_code=500)


async def _answer_reused_key(request: Request, error: Exception) -> JSONResponse:
    """In the form of FastAPI's 422."""
    problem = {
        "type": "value_error",
        "loc": ["header", "idempotency-key"],
        "msg": f"Value error, {error}",
        "input": request.headers.get("idempotency-key"),
    }
    return JSONResponse({"detail": presentable_problems([problem])}, status_code=IdempotencyKeyIsReused.http_status)


async def _answer_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Without what was sent, where that holds a secret."""
    if not isinstance(error, RequestValidationError):
        raise error
    route = request.scope.get("route")
    has_token = getattr(route, "path", "").startswith("/containers/")
    shows_input = not has_token and Tag.SECRETS not in getattr(route, "tags", ())
    return JSONResponse({"detail": presentable_problems(error.errors(), shows_input=shows_input)}, status_code=422)


async def _answer_defect(request: Request, _: Exception) -> PlainTextResponse:
    """The answer to a defect, which the server logs. It does not pass through the middleware."""
    headers = {request_ids.HEADER: request.state.request_id}
    return PlainTextResponse("Internal Server Error", status_code=500, headers=headers)
