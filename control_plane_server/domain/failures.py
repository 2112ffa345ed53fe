"""Failures that are alike: those of one function whose messages differ only in what varies from call to call."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import FunctionName, InvocationId

# In this order: identifiers and hashes, which have digits; addresses; then all other numbers.
_VARYING = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b(inv|exe|ver|bat)-[0-9a-f]{6,32}\b"), r"\1-<id>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*[0-9])(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)
# Messages, of which each takes up to a tenth of a millisecond.
_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Of one function, with one outcome and one message each: the times are of their creation."""

    function_name: FunctionName
    outcome: InvocationOutcome
    error_message: str
    count: int
    first_time: datetime
    last_time: datetime
    newest_invocation_id: InvocationId


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """`pattern`: the message, with marks for what varies. `newest`: the last of them, and its message."""

    pattern: str
    count: int
    first_time: datetime
    newest: Failures


def pattern_of(message: str) -> str:
    """What alike messages have in common: "no row 17" and "no row 8" have "no row <n>"."""
    for varying, mark in _VARYING:
        message = varying.sub(mark, message)
    return message


async def grouped(failures: Iterable[Failures]) -> list[FailureGroup]:
    """Newest first. Thousands take a second, with pauses for what else the process does."""
    groups: dict[tuple[FunctionName, InvocationOutcome, str], FailureGroup] = {}
    for number, one in enumerate(failures, start=1):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        pattern = pattern_of(one.error_message)
        key = (one.function_name, one.outcome, pattern)
        known = groups.get(key)
        if known is None:
            groups[key] = FailureGroup(pattern=pattern, count=one.count, first_time=one.first_time, newest=one)
        else:
            groups[key] = FailureGroup(
                pattern=pattern,
                count=known.count + one.count,
                first_time=min(known.first_time, one.first_time),
                newest=max(known.newest, one, key=lambda failure: failure.last_time),
            )
    return sorted(groups.values(), key=lambda group: group.newest.last_time, reverse=True)
