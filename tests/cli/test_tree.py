"""Trees of many children: those that have not succeeded first, some of the others, and how many there are."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from control_plane.cli.tree import print_tree
from control_plane.client.listing import ProjectInvocation

from tests.cli.scripted_server import Received, json_answer, scripted_server

_CHILDREN = 200
_FAILED = 150  # its number, from the oldest


def _invocation(name: str, number: int, outcome: str) -> dict[str, Any]:
    return {
        "invocation_id": f"inv-{number}",
        "function_name": name,
        "version_id": "ver-1",
        "invocation_status": "TERMINATED",
        "outcome": outcome,
        "creation_time": number,
        "last_update_time": number + 1,
        "error_message": "ValueError: no" if outcome == "FAILED" else None,
    }


def _answer(received: Received, _: int) -> bytes:
    url = urlsplit(received.path)
    query = parse_qs(url.query)
    if query["parent_invocation_id"] != ["inv-root"]:
        return json_answer(json.dumps({"invocations": [], "next_offset": None}))
    if url.path.endswith("/counts"):
        return json_answer(json.dumps({"counts": {"SUCCEEDED": _CHILDREN - 1, "FAILED": 1, "running": 0}}))
    children = [
        _invocation("child", number, "FAILED" if number == _FAILED else "SUCCEEDED")
        for number in reversed(range(_CHILDREN))
    ]
    wanted = [child for child in children if child["outcome"] in query.get("outcome", [child["outcome"]])]
    return json_answer(json.dumps({"invocations": wanted[: int(query["max_results"][0])], "next_offset": None}))


async def test_what_failed_is_shown_whatever_else_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    root = ProjectInvocation(_invocation("root", 0, "SUCCEEDED") | {"invocation_id": "inv-root"})
    async with scripted_server(_answer) as scripted, scripted.connect() as connection:
        await print_tree(connection, "p", root)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "root inv-root succeeded 1.00s"
    assert lines[1] == f"├── child inv-{_FAILED} failed 1.00s  ValueError: no"
    assert lines[-1] == "└── and 179 more; in all 1 failed, 199 succeeded"
    assert len(lines) == 1 + 1 + 20 + 1


async def test_a_wide_and_deep_tree_has_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    children = json.dumps(
        {"invocations": [_invocation("child", number, "SUCCEEDED") for number in range(5)], "next_offset": None}
    )
    root = ProjectInvocation(_invocation("root", 0, "SUCCEEDED") | {"invocation_id": "inv-root"})
    async with scripted_server(lambda *_: json_answer(children)) as scripted, scripted.connect() as connection:
        await print_tree(connection, "p", root)
    lines = capsys.readouterr().out.splitlines()
    assert 1_000 < len(lines) <= 1_000 + 2 + 20
    assert lines[-1] == "└── and more: control-plane describe inv-root --tree"
    assert len(scripted.received) <= 1_001
