"""`control-plane map`: all results, each once, whenever the command is killed."""

import asyncio
import json
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, ended

_MAIN = """\
import control_plane as cp


@cp.function(max_concurrency=4)
def double(number: int) -> int:
    if number < 0:
        raise ValueError("negative")
    return 2 * number
"""
_COUNT = 24


@pytest.fixture(scope="module")
async def mapped(home: Path) -> str:
    folder = home / "mapped"
    folder.mkdir()
    (folder / "main.py").write_text(_MAIN)
    await Terminal(home).succeed("deploy", "mapped")
    return "mapped"


def _inputs(terminal: Terminal, *numbers: int) -> None:
    (terminal.home / "inputs.jsonl").write_text("".join(f'{{"number": {number}}}\n' for number in numbers))


async def test_a_command_that_is_killed_and_run_again(terminal: Terminal, mapped: str) -> None:
    _inputs(terminal, *range(_COUNT))
    words = ("map", mapped, "double", "@inputs.jsonl", "--follow", "--output", "results.jsonl")
    results = terminal.home / "results.jsonl"
    for stop in (signal.SIGKILL, signal.SIGINT):
        seen = len(results.read_bytes().splitlines()) if results.exists() else 0
        running = await terminal.start(*words)
        async with asyncio.timeout(60):
            while not results.exists() or len(results.read_bytes().splitlines()) <= seen + 1:
                await asyncio.sleep(0.02)
        running.send_signal(stop)
        stopped = await ended(running)
        if stop == signal.SIGINT:
            assert stopped.exit_code == 130
            assert "The same command again goes on" in stopped.stderr
    run = await terminal.succeed(*words, "--json")
    assert run.document["counts"] == {"SUCCEEDED": _COUNT}
    lines = [json.loads(line) for line in results.read_bytes().splitlines()]
    assert [line["position"] for line in lines] == list(range(1, _COUNT + 1))
    assert {line["index"]: line["output"] for line in lines} == {n: str(2 * n) for n in range(_COUNT)}
    assert Counter(line["batch_id"] for line in lines) == {run.document["batch_ids"][0]: _COUNT}
    again = await terminal.run(*words)
    assert (again.exit_code, again.complaint) == (2, "results.jsonl exists; name another file, or remove it")


async def test_results_on_stdout_and_a_failure_among_them(terminal: Terminal, mapped: str) -> None:
    run = await terminal.run("map", mapped, "double", "-", "--follow", stdin="[1]\n[-1]\n")
    assert run.exit_code == 1
    assert {line["index"]: line["outcome"] for line in run.documents} == {0: "SUCCEEDED", 1: "FAILED"}
    assert run.stderr.endswith("2 results: 1 succeeded, 1 failed\n") or run.stderr.endswith("1 failed, 1 succeeded\n")


async def test_a_batch_is_described_and_cancelled(terminal: Terminal, mapped: str) -> None:
    started = await terminal.run("map", mapped, "double", "-", stdin="[1]\n[2]\n")
    (batch_id,) = started.lines
    assert started.stderr == f"See what becomes of it: control-plane describe {batch_id}\n"
    cancelled = await terminal.run("cancel", batch_id, "--json")
    assert cancelled.exit_code in (0, 1)  # it may have ended by then
    described = (await terminal.succeed("describe", batch_id, "--json")).document
    assert (described["batch_id"], described["size"]) == (batch_id, 2)
    assert batch_id in (await terminal.succeed("describe", batch_id)).stdout


async def test_nothing_is_sent_if_a_line_is_wrong(terminal: Terminal, mapped: str) -> None:
    for line, said in (
        ("{", "line 2 of stdin: it is no JSON"),
        ('{"nummer": 1}', "line 2 of stdin: double() has no argument 'nummer'; it has number; nothing was sent"),
    ):
        run = await terminal.run("map", mapped, "double", "-", stdin=f"[1]\n{line}\n")
        assert run.exit_code == 2
        assert run.complaint.startswith(said)
    run = await terminal.run("map", mapped, "doubl", "-", stdin="[1]\n")
    assert run.complaint == "project 'mapped' has no function 'doubl'; there is: double"
