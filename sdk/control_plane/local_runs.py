"""Runs a function in this process as a container would: arguments and results are JSON, whichever kind it is of."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Callable

from control_plane.encoding import encode
from control_plane.input_arguments import arguments_of

Report = Callable[[str], None]


def output_of(function: Callable[..., Any], text: str, *, report: Report) -> str | None:
    """What it returned, as JSON; None if it gave nothing. What it yields is reported, as JSON too.

    Raises what the function raises, InputIsUnusable, and TypeError for what is no JSON.
    """
    arguments = arguments_of(text, function)

    def note(value: Any) -> None:
        report(encode(value, name="result"))

    value = function(*arguments.positional, **arguments.keyword)
    has_progress = isinstance(value, (GeneratorType, AsyncGeneratorType))
    if isinstance(value, GeneratorType):
        value = _exhausted(value, note)
    elif isinstance(value, (CoroutineType, AsyncGeneratorType)):
        value = _awaited(value, note)
    return None if value is None and not has_progress else encode(value, name="result")


def _exhausted(generator: GeneratorType[Any, None, Any], note: Callable[[Any], None]) -> Any:
    try:
        while True:
            note(next(generator))
    except StopIteration as end:
        return end.value


def _awaited(value: Any, note: Callable[[Any], None]) -> Any:
    async def run() -> Any:
        if isinstance(value, CoroutineType):
            return await value
        async for item in value:
            note(item)
        return None

    if asyncio._get_running_loop() is None:
        return asyncio.run(run())
    with ThreadPoolExecutor(1) as other:  # a thread has one loop at a time, and the caller is in this one's
        return other.submit(copy_context().run, asyncio.run, run()).result()
