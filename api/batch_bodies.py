"""Reads the body of a new batch: one JSON document, or a line of JSON for each input."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.openapi.constants import REF_PREFIX
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request

from api.bodies import allow_body_of
from api.bounded_json import parse_json
from api.keyed_routes import turn_of
from api.schemas.batches import BatchDefinition
from api.schemas.invocations import ParentInvocationDefinition
from control_plane_server.catalog.batches import NewBatch
from control_plane_server.domain.bounds import MAX_BATCH_BODY_BYTES, MAX_BATCH_INPUTS, MAX_INPUT_LENGTH

_LINES = "application/x-ndjson"
# A character takes four bytes of UTF-8 at most.
_MOST_LINE_BYTES = 4 * MAX_INPUT_LENGTH
# Parsed without a pause for other requests.
_BYTES_AT_ONCE = 256 * 1024

# FastAPI documents no body that it does not read.
DOCUMENTED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"{REF_PREFIX}{BatchDefinition.__name__}"}},
            _LINES: {"schema": {"type": "string", "description": "Each line is the input of one invocation, as JSON"}},
        },
    }
}


async def receive_batch(request: Request) -> bytes:
    """The body, which may be longer than others. Raises BodyIsTooLarge, BodyIsTooSlow."""
    allow_body_of(request.scope, MAX_BATCH_BODY_BYTES)
    body = await request.body()
    turn = turn_of(request)
    if turn is not None:
        await turn.pace_body(len(body))
    return body


async def parse_batch(
    body: bytes,
    headers: Headers,
    *,
    parent_of_query: ParentInvocationDefinition | None,
    options_of_query: Mapping[str, Any],
) -> NewBatch:
    """What to create. With lines, everything else is in the query.

    Raises RequestValidationError, which names the first invalid input by its index.
    """
    if not _is_lines(headers):
        return _validated(_document(body)).to_domain()
    inputs = [text async for text in _inputs(body)]
    rest = {"parent_invocation": parent_of_query, **options_of_query}
    return _validated({"inputs": inputs, **rest}).to_domain()


def _is_lines(headers: Headers) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == _LINES


def _document(body: bytes) -> Any:
    try:
        return parse_json(body)
    except json.JSONDecodeError as error:
        raise _problem("json_invalid", ("body", error.pos), f"JSON decode error: {error.msg}") from error


async def _inputs(body: bytes) -> AsyncIterator[str]:
    """Each line as it is, without its end. Lines of white space alone are no inputs."""
    index = parsed = 0
    for line in BytesIO(body):
        if not line.strip():
            continue
        if index == MAX_BATCH_INPUTS:
            raise _problem("too_long", ("body", "inputs"), f"There are more than {MAX_BATCH_INPUTS} inputs")
        yield _checked(line.rstrip(b"\r\n"), index)
        index += 1
        parsed += len(line)
        if parsed >= _BYTES_AT_ONCE:  # others have a turn
            parsed = 0
            await asyncio.sleep(0)


def _checked(line: bytes, index: int) -> str:
    """A JSON text; its length and characters are checked with all of the batch."""
    if len(line) > _MOST_LINE_BYTES:
        raise _problem("too_long", ("body", "inputs", index), f"inputs cannot exceed {MAX_INPUT_LENGTH} characters")
    try:
        parse_json(line, parse_constant=_refuse_constant)
        return line.decode()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _problem("json_invalid", ("body", "inputs", index), f"The line is not JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value of it")


def _validated(values: object) -> BatchDefinition:
    try:
        return BatchDefinition.model_validate(values)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from error


def _problem(kind: str, place: tuple[str | int, ...], text: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": place, "msg": text, "input": None}])
