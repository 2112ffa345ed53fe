"""From an empty folder to a function that is called, watched, stopped, changed, taken back and removed."""

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, ended

_MAIN = """\
import time

from control_plane import function


@function
def greet(name="world"):
    print("greeting", name)
    return f"Hello, {name}!"


@function(retries=1)
def fail():
    raise ValueError("as asked")


@function(timeout=1)
def too_slow():
    time.sleep(60)


@function
def count(to=3, seconds=1.2):
    for number in range(1, to + 1):
        print("counted to", number)
        yield number
        time.sleep(seconds)
    return {"counted_to": to}
"""


def _write(folder: Path, *, greeting: str = "Hello") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(_MAIN.replace("Hello", greeting))


@pytest.fixture(scope="module")
async def deployed(home: Path) -> str:
    """A project whose functions are these."""
    _write(home / "standing")
    await Terminal(home).succeed("deploy", "standing")
    return "standing"


async def test_quickstart(terminal: Terminal) -> None:
    _write(terminal.home / "hello")
    first = await terminal.succeed("deploy", "hello")
    assert re.fullmatch(r"hello@ver-[0-9a-f]{32}\n", first.stdout)
    assert "control-plane invoke hello greet" in first.stderr

    followed = await terminal.succeed("invoke", "hello", "count", '{"to": 3}', "--follow")
    assert followed.stdout == '{"counted_to": 3}\n'
    progress_lines = followed.stderr.splitlines()
    assert [line for line in progress_lines if line.startswith("  | ")] == [
        f"  | counted to {number}" for number in (1, 2, 3)
    ]
    assert "progress: 1" in progress_lines
    assert "attempt 1: running" in progress_lines
    assert progress_lines[-1] == "attempt 1: succeeded"

    reference = (await terminal.succeed("invoke", "hello", "greet", "name=Ada")).stdout.strip()
    assert re.fullmatch(r"hello/greet/inv-[0-9a-f]{32}", reference)
    assert (await terminal.succeed("logs", "--follow", reference)).lines == ["greeting Ada"]
    assert (await terminal.succeed("logs", reference)).lines == ["greeting Ada"]
    # by its id, by the beginning of that, and as the last one of this terminal
    invocation_id = reference.rpartition("/")[2]
    for named in (reference, invocation_id, invocation_id[:14], f"hello/greet/{invocation_id[:14]}", "-"):
        assert '"Hello, Ada!"' in (await terminal.succeed("describe", named)).stdout
    given = await terminal.succeed("describe", "-", "--input")
    assert given.stdout == '{"name": "Ada"}'
    assert (await terminal.succeed("describe", "-", "--result")).stdout == '"Hello, Ada!"'
    again = await terminal.run("invoke", "hello@latest/greet", "-", "--wait", stdin=given.stdout)
    assert again.stdout == '"Hello, Ada!"\n'

    _write(terminal.home / "hello", greeting="Good day")
    await terminal.succeed("deploy", "hello/main.py")
    assert (await terminal.succeed("invoke", "hello/greet", "--wait")).stdout == '"Good day, world!"\n'
    await terminal.succeed("rollback", "hello")
    assert (await terminal.succeed("invoke", "hello", "greet", "--wait")).stdout == '"Hello, world!"\n'
    versions = (await terminal.succeed("versions", "hello", "--json")).document["versions"]
    newer = f"hello@{versions[1]['version_id']}"
    assert (await terminal.succeed("invoke", newer, "greet", "--wait")).stdout == '"Good day, world!"\n'
    await terminal.succeed("rollback", "hello", versions[1]["version_id"])
    assert (await terminal.succeed("invoke", "hello", "greet", "--wait")).stdout == '"Good day, world!"\n'

    # what ran in an older version is still found by what it is called
    assert '"Hello, Ada!"' in (await terminal.succeed("describe", reference)).stdout
    assert invocation_id in (await terminal.succeed("list", "hello/greet")).stdout
    assert invocation_id in (await terminal.succeed("list", "hello", "--status", "succeeded", "--since", "1h")).stdout

    await terminal.succeed("undeploy", "hello", "--yes")
    assert "hello" not in [
        project["project_name"] for project in (await terminal.succeed("list", "--json")).document["projects"]
    ]
    assert not (terminal.home / ".control-plane" / "images" / "hello").exists()


async def test_failure(terminal: Terminal, deployed: str) -> None:
    run = await terminal.run("invoke", deployed, "fail", "--wait")
    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr.splitlines()[-1].endswith(" failed: ValueError: as asked")


async def test_timeout(terminal: Terminal, deployed: str) -> None:
    run = await terminal.run("invoke", deployed, "too_slow", "--follow")
    assert (run.exit_code, run.stdout) == (3, "")
    assert re.search(r"too_slow/inv-[0-9a-f]+ timed out after \d", run.stderr.splitlines()[-1])


async def test_cancellation_of_what_is_waited_for(terminal: Terminal, deployed: str) -> None:
    waiting = await terminal.start("invoke", deployed, "count", "to=1000", "--wait")
    assert waiting.stderr is not None
    reference = (await waiting.stderr.readline()).decode().strip()
    await _running(terminal, reference)
    cancelled = await terminal.succeed("cancel", reference)
    assert cancelled.stderr == f"{reference} is being cancelled\n"
    run = await ended(waiting)
    assert (run.exit_code, run.stdout) == (4, "")
    assert run.stderr == f"control-plane: {reference} cancelled\n"
    again = await terminal.run("cancel", reference)
    assert again.complaint == f"{reference} has ended already: cancelled"


@pytest.mark.parametrize("option", ["--wait", "--follow"])
async def test_interruption_leaves_it_running(terminal: Terminal, deployed: str, option: str) -> None:
    waiting = await terminal.start("invoke", deployed, "count", "to=1000", option)
    assert waiting.stderr is not None
    reference = (await waiting.stderr.readline()).decode().strip()
    await _running(terminal, reference)
    waiting.send_signal(signal.SIGINT)
    run = await ended(waiting)
    assert run.exit_code == 130
    assert f"Stop it: control-plane cancel {reference}\n" in run.stderr
    described = (await terminal.succeed("describe", reference, "--json")).document
    assert (described["invocation_status"], described["cancellation_request_time"]) == ("RUNNING", None)
    await terminal.succeed("cancel", reference)


async def test_the_same_key_is_the_same_invocation(terminal: Terminal, deployed: str) -> None:
    called = ("invoke", deployed, "greet", "--key", "once")
    assert (await terminal.succeed(*called)).stdout == (await terminal.succeed(*called)).stdout


async def test_input_from_a_file_and_from_stdin(terminal: Terminal, deployed: str) -> None:
    (terminal.home / "input.json").write_text('["file"]')
    assert (await terminal.succeed("invoke", deployed, "greet", "@input.json", "--wait")).stdout == '"Hello, file!"\n'
    run = await terminal.run("invoke", deployed, "greet", "-", "--wait", stdin='{"name": "stdin"}')
    assert run.stdout == '"Hello, stdin!"\n'


async def test_json_of_every_verb(terminal: Terminal) -> None:
    _write(terminal.home / "machine")
    declared = (await terminal.succeed("deploy", "machine", "--json")).document
    assert declared["functions"][0]["function_status"] == "READY"
    invocation = (await terminal.succeed("invoke", "machine", "greet", "--json")).document
    reference = f"machine/greet/{invocation['invocation_id']}"
    waited = (await terminal.succeed("invoke", "machine", "greet", "--wait", "--json")).document
    assert json.loads(waited["executions"][-1]["output"]) == "Hello, world!"
    events = (await terminal.succeed("invoke", "machine", "greet", "--follow", "--json")).documents
    assert {"event", "id", "data"} == set(events[0])
    assert [event["event"] for event in events][-1] == "end"
    entry = {"execution_id", "attempt", "time_ms", "stream", "line"}
    assert entry == set((await terminal.succeed("logs", "-f", reference, "--json")).document)
    assert entry == set((await terminal.succeed("logs", reference, "--json")).document)
    assert (await terminal.succeed("list", "--json")).document["projects"]
    assert len((await terminal.succeed("list", "machine", "--json")).document["invocations"]) == 3
    assert len((await terminal.succeed("list", "machine/greet", "--json")).document["invocations"]) == 3
    described = (await terminal.succeed("describe", "machine", "--json")).document
    assert (described["project"]["project_name"], described["version"]) == ("machine", declared)
    assert (await terminal.succeed("describe", "machine/greet", "--json")).document["function_name"] == "greet"
    invocation = (await terminal.succeed("describe", reference, "--json")).document
    assert invocation["invocation_status"] == "TERMINATED"
    execution_id = invocation["executions"][0]["execution_id"]
    slow = (await terminal.succeed("invoke", "machine", "count", "to=1000", "--json")).document
    cancelled = (await terminal.succeed("cancel", f"machine/count/{slow['invocation_id']}", "--json")).document
    assert cancelled["cancellation_request_time"] is not None
    await terminal.succeed("deploy", "machine", "--json")
    assert (await terminal.succeed("rollback", "machine", "--json")).document["functions"]
    assert len((await terminal.succeed("versions", "machine", "--json")).document["versions"]) == 3
    data = terminal.home / ".control-plane"
    assert list((data / "images").glob("machine/*"))
    assert list((data / "workers").glob(f"{execution_id}-*"))
    assert (await terminal.succeed("undeploy", "machine", "--yes", "--json")).document[
        "deletion_request_time"
    ] is not None
    assert not list((data / "images").glob("machine*"))
    assert not list((data / "workers").glob(f"{execution_id}-*"))


async def test_tables_are_never_wrapped_or_cut(terminal: Terminal, deployed: str) -> None:
    narrow = terminal.with_environment(COLUMNS="20")
    invocation = (await narrow.succeed("invoke", deployed, "greet")).stdout.strip().rpartition("/")[2]
    assert any(line.startswith(invocation + " ") for line in (await narrow.succeed("list", f"{deployed}/greet")).lines)


async def _running(terminal: Terminal, reference: str) -> None:
    while (await terminal.succeed("logs", reference)).stdout == "":
        await asyncio.sleep(0.1)
