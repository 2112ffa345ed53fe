"""The one place where errors become answers, and where routes say which ones they give."""

import math
from collections import defaultdict
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse, PlainTextResponse

from api import request_ids
from api.schemas.service import ErrorResponse
from domain.errors import ApiError, IdempotencyKeyIsReused, Misconfigured, ServiceIsUnavailable, Unavailable

logger = structlog.get_logger(__name__)

_RETRY_AFTER_SECONDS = "2"
# What a client sent is shown to it again; what is nested deeper than this no longer says anything.
_MAX_DEPTH = 20


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(Unavailable, _answer_unavailable)
    app.add_exception_handler(Misconfigured, _answer_misconfigured)
    app.add_exception_handler(IdempotencyKeyIsReused, _answer_reused_key)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(Exception, _answer_defect)


def documented(*errors: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers these errors."""
    texts: defaultdict[int | str, list[str]] = defaultdict(list)
    for error in errors:
        texts[error.http_status].append(error.default_message())
    return {status: {"model": ErrorResponse, "description": "; ".join(details)} for status, details in texts.items()}


async def _answer_api_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ApiError):
        raise error
    return JSONResponse({"detail": str(error)}, status_code=error.http_status)


async def _answer_unavailable(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": ServiceIsUnavailable.default_message()},
        status_code=ServiceIsUnavailable.http_status,
        headers={"Retry-After": _RETRY_AFTER_SECONDS},
    )


async def _answer_misconfigured(_: Request, error: Exception) -> JSONResponse:
    """Only holders of a root key ask for what can be set up wrongly: they are told what to mend."""
    logger.error("control_plane_is_misconfigured", reason=str(error))
    return JSONResponse({"detail": str(error)}, status_code=500)


async def _answer_reused_key(request: Request, error: Exception) -> JSONResponse:
    """In the form of every other 422."""
    problem = {
        "type": "value_error",
        "loc": ["header", "idempotency-key"],
        "msg": f"Value error, {error}",
        "input": request.headers.get("idempotency-key"),
    }
    return JSONResponse({"detail": [problem]}, status_code=IdempotencyKeyIsReused.http_status)


async def _answer_invalid_request(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    return JSONResponse({"detail": _presentable(error.errors())}, status_code=422)


async def _answer_defect(request: Request, _: Exception) -> PlainTextResponse:
    """Of ours. The server logs it; this answer passes by all middleware."""
    headers = {request_ids.HEADER: request.state.request_id}
    return PlainTextResponse("Internal Server Error", status_code=500, headers=headers)


def _presentable(value: object, depth: int = 0) -> object:
    """The value as far as JSON and UTF-8 can show it: errors repeat their input, which may be neither."""
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {_text(str(key)): _presentable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_presentable(item, depth + 1) for item in value]
    if isinstance(value, (str, bytes)):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    is_plain = value is None or isinstance(value, int)
    return value if is_plain else {}  # else it is the exception of a check of ours: its text is in `msg` already


def _text(value: str | bytes) -> str:
    encoded = value.encode(errors="replace") if isinstance(value, str) else value
    return encoded.decode(errors="replace")
