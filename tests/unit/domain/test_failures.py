"""Failures that are alike."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.failures import Failures, grouped, pattern_of
from control_plane_server.domain.identifiers import FunctionName, InvocationId


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("ValueError: no row 17 of 3", "ValueError: no row <n> of <n>"),
        (
            "timed out after 10 s, 9.6 s of it in the queue: max_concurrency 2",
            "timed out after <n> s, <n> s of it in the queue: max_concurrency <n>",
        ),
        ("KeyError: 'd94f3f01-9a1c-4d07-8a3e-0d2c8c1c6c11'", "KeyError: '<id>'"),
        ("inv-0123456789abcdef0123456789abcdef is gone", "inv-<id> is gone"),
        ("<Row at 0x7f2a> is 5f3759df5f3759df", "<Row at <address>> is <id>"),
        ("2026-11-28 18:36:04,123 a cafe and a facade", "<n>-<n>-<n> <n> a cafe and a facade"),
        ("connection to 10.0.0.17:5432 was refused", "connection to <n> was refused"),
        ("", ""),
    ],
)
def test_what_varies_is_marked(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern
    assert pattern_of(pattern) == pattern


async def test_thousands_are_grouped_with_pauses_for_others() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    failures = [
        Failures(
            function_name=FunctionName("f"),
            outcome=InvocationOutcome.FAILED,
            error_message=f"no row {number}" if number % 2 else "no table",
            count=2,
            first_time=begin + timedelta(seconds=number),
            last_time=begin + timedelta(seconds=number),
            newest_invocation_id=InvocationId(f"inv-{number}"),
        )
        for number in range(2_000)
    ]
    grouping = asyncio.create_task(grouped(failures))
    turns = 0
    while not grouping.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 10
    assert [(group.pattern, group.count, group.first_time) for group in grouping.result()] == [
        ("no row <n>", 2_000, begin + timedelta(seconds=1)),
        ("no table", 2_000, begin),
    ]
