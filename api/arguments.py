"""Finds wrong arguments before anything is created, by the signature that travels with the function.

A version never changes, so a process remembers the signatures that it has met: to know them costs no statement. The
statement that creates an invocation refuses to, and gives the signature, unless it is told that the arguments were
checked for the very function that it finds: `latest` may have moved.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from control_plane.binding import ArgumentIsWrong, check_input
from fastapi.exceptions import RequestValidationError

from control_plane_server.catalog.callees import ArgumentsAreUnchecked
from control_plane_server.catalog.paths import FunctionPath

Created = TypeVar("Created")
_MOST_SIGNATURES = 256  # of up to 16 KiB each
# Of a signature that anybody has stored and that is no declaration in Python: by it nothing is certain.
_NOT_OF_PYTHON = (TypeError, AttributeError, LookupError, ValueError, RecursionError)
_CHARACTERS_AT_ONCE = 256 * 1024  # parsed without a pause for other requests


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    function_id: int
    function_name: str
    schema: Mapping[str, Any]


class ArgumentChecks:
    """Of one process."""

    def __init__(self) -> None:
        self._known: OrderedDict[FunctionPath, _Signature] = OrderedDict()

    async def create(
        self,
        path: FunctionPath,
        inputs: Sequence[str],
        *,
        is_batch: bool,
        create: Callable[[Sequence[int]], Awaitable[Created]],
    ) -> Created:
        """What `create` returns, which is given the ids of functions for which the inputs are checked.

        Raises RequestValidationError, which names the argument; and what `create` raises.
        """
        known = self._known.get(path)
        checked = [] if known is None or await _problem(known, inputs, is_batch=is_batch) else [known.function_id]
        while True:  # again only if it was deployed in between
            try:
                return await create(checked)
            except ArgumentsAreUnchecked as unchecked:
                found = self._note(path, unchecked)
            problem = await _problem(found, inputs, is_batch=is_batch)
            if problem is not None:
                raise RequestValidationError([problem])
            checked = [found.function_id]

    def _note(self, path: FunctionPath, unchecked: ArgumentsAreUnchecked) -> _Signature:
        signature = _Signature(
            function_id=unchecked.function_id,
            function_name=unchecked.function_name,
            schema=_schema(unchecked.signature),
        )
        self._known[path] = signature
        self._known.move_to_end(path)
        if len(self._known) > _MOST_SIGNATURES:
            self._known.popitem(last=False)
        return signature


def wrong_argument(schema: Mapping[str, Any], text: str, *, function_name: str) -> ArgumentIsWrong | None:
    """What is wrong with this input, as far as that is certain."""
    try:
        check_input(schema, text, function_name=function_name)
    except ArgumentIsWrong as error:
        return error
    except _NOT_OF_PYTHON:
        pass
    return None


def _schema(text: str) -> Mapping[str, Any]:
    try:
        schema: dict[str, Any] = json.loads(text)
    except RecursionError:
        return {}
    return checkable(schema)


def checkable(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """As far as arguments are checked by it: names that fit a pattern are not looked at."""
    if "patternProperties" not in schema:
        return schema
    return {name: value for name, value in schema.items() if name != "additionalProperties"}


async def _problem(signature: _Signature, inputs: Sequence[str], *, is_batch: bool) -> dict[str, Any] | None:
    """Of the first input with which the function cannot be called, in FastAPI's form."""
    parsed = 0
    for index, text in enumerate(inputs):
        error = wrong_argument(signature.schema, text, function_name=signature.function_name)
        if error is not None:
            place = ("body", "inputs", index) if is_batch else ("body", "input")
            argument = () if error.argument is None else (error.argument,)
            return {"type": "value_error", "loc": (*place, *argument), "msg": f"Value error, {error}", "input": text}
        parsed += len(text)
        if parsed >= _CHARACTERS_AT_ONCE:
            parsed = 0
            await asyncio.sleep(0)
    return None
