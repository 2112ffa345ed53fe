"""`control-plane costs` reads all pages, and adds them up."""

import json

import pytest
from control_plane.cli.verbs import costs

from tests.cli.scripted_server import Received, json_answer, scripted_server

DAY = 86_400


def row(function: str, day: str, hours: float, *, unmeasured: int = 0) -> dict[str, object]:
    return {
        "function_name": function,
        "day": day,
        "executions": 1,
        "container_seconds": hours * 3_600,
        "vcpu_hours": hours / 4,
        "gb_hours": hours / 2,
        "gpu_hours": 0.0,
        "unmeasured_launches": unmeasured,
        "cost": hours / 10,
    }


def answer(received: Received, _before: int) -> bytes:
    page = {"project_name": "p", "since": 0, "until": 3 * DAY, "currency": "USD"}
    if "since=0" in received.path:
        rows = [row("train", "1970-01-01", 2_000), row("clean", "1970-01-01", 1)]
        return json_answer(json.dumps({**page, "costs": rows, "next_since": 2 * DAY}))
    assert f"since={2 * DAY}&until={3 * DAY}" in received.path
    return json_answer(json.dumps({**page, "costs": [row("train", "1970-01-03", 1, unmeasured=2)], "next_since": None}))


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        (
            "function_name",
            [
                ["clean", "1", "1.00", "0.25", "0.50", "0.10"],
                ["train", "2", "2,001.00", "500.25", "1,000.50", "200.10"],
                ["all", "3", "2,002.00", "500.50", "1,001.00", "200.20"],
            ],
        ),
        (
            "day",
            [
                ["1970-01-01", "2", "2,001.00", "500.25", "1,000.50", "200.10"],
                ["1970-01-03", "1", "1.00", "0.25", "0.50", "0.10"],
                ["all", "3", "2,002.00", "500.50", "1,001.00", "200.20"],
            ],
        ),
    ],
)
async def test_a_line_for_each(by: str, lines: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        currency, rows = await costs._read(connection, "p", {"since": 0, "until": None})
    costs._show(currency, rows, by=by)
    shown = capsys.readouterr()
    header, *found = shown.out.splitlines()
    assert header.split()[-1] == "USD"
    assert [line.split() for line in found] == lines
    assert "without 2 containers" in shown.err
