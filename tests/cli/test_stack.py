"""The embedded stack as a user meets it: one command, real servers, a folder that outlives it."""

import asyncio
import signal
from pathlib import Path

import httpx2
import psutil
from control_plane.access.local_stacks import StackAccess
from control_plane.machine.records import read_record
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.cli.stacks import Ports, dev, new_dev, processes_of
from tests.cli.terminal import Terminal
from tests.e2e.project import Project, lines_of


def modes_of_databases(data_dir: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in data_dir.glob("temporal.db*")}


async def test_starts_answers_and_stops(tmp_path: Path) -> None:
    ports = Ports.free()
    async with new_dev(tmp_path, ports) as stack:
        access = await stack.ready()
        await _answers(access)
        assert access.api_url == f"http://127.0.0.1:{ports.api}"
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{ports.temporal_ui}")).status_code == 200
            assert (await client.get(f"{access.api_url}/docs")).status_code == 200
        assert (tmp_path / "api-key").read_text() == access.api_key
        assert (tmp_path / "api-key").stat().st_mode & 0o777 == 0o600
        assert modes_of_databases(tmp_path) == {0o600}
        assert await stack.end() == 0
        output = await stack.output()
    assert access.api_url in output
    assert access.api_key in output
    assert processes_of(tmp_path) == []


async def test_two_stacks_side_by_side_and_a_folder_that_is_watched(tmp_path: Path) -> None:
    hello = tmp_path / "hello"
    hello.mkdir()
    (hello / "main.py").write_text(_greeting("Hello"))
    terminal = Terminal(tmp_path)
    # Its data lies in the folder, as where somebody begins in a folder of their own.
    data, state = hello / "data", str(tmp_path / ".local/state")
    async with dev(data, Ports.free(), words=["--watch", str(hello)], XDG_STATE_HOME=state) as one:
        first = await one.ready()
        await _answers(first)
        await _prints(terminal, '"Hello"')  # the only one is found

        (hello / "main.py").write_text("def\n")
        await one.says("hello: main.py:1: SyntaxError: ")
        await _prints(terminal, '"Hello"')
        (hello / "main.py").write_text(_greeting("Good day"))
        await _prints(terminal, '"Good day"')

        async with dev(tmp_path / "two", Ports.free()) as two:
            second = await two.ready()
            await _answers(second)
            while len((await terminal.succeed("use", "--json")).document["running"]) < 2:
                await asyncio.sleep(0.05)
            complaint = (await terminal.run("list")).complaint
            assert complaint.startswith("2 stacks run on this machine: ")
            assert f"{second.api_url} ({tmp_path / 'two'})" in complaint
            assert (await terminal.succeed("list", "--api-url", first.api_url)).lines[1].startswith("hello ")
            assert (
                f"{second.api_url}  {tmp_path / 'two'}" in (await terminal.succeed("use", str(tmp_path / "two"))).stdout
            )
            assert (await terminal.succeed("list", "--json")).document["projects"] == []
            assert await two.end() == 0
        assert (await terminal.run("list")).complaint.startswith(
            "the stack that control-plane use has chosen does not run"
        )
        await terminal.succeed("use", "--project", "hello", first.api_url.rpartition(":")[2])
        assert len((await terminal.succeed("list", "--json")).document["invocations"]) >= 3
        await terminal.succeed("use", "--forget")
        assert (await terminal.succeed("list")).lines[1].startswith("hello ")
        assert await one.end() == 0
        exports = f"export CONTROL_PLANE_API_URL={first.api_url} CONTROL_PLANE_API_KEY={first.api_key}\n"
        output = await one.output()
        assert exports in output
        assert output.count("hello: deployed in ") == 2
    assert (await terminal.run("list")).complaint.startswith("there is no server; ")


def _greeting(words: str) -> str:
    return f"import control_plane as cp\n\n\n@cp.function\ndef greet():\n    return {words!r}\n"


async def _prints(terminal: Terminal, result: str) -> None:
    """Once the folder is deployed as it is now."""
    while (await terminal.run("invoke", "hello/greet", "--wait")).stdout != f"{result}\n":
        await asyncio.sleep(0.1)


async def test_a_stop_spends_no_attempt_and_waits_for_jobs_if_it_is_told_to(tmp_path: Path) -> None:
    ports, folder, notes, release = Ports.free(), tmp_path / "data", tmp_path / "notes", tmp_path / "release"
    async with dev(folder, ports) as interrupted:
        project = Project(await interrupted.ready(), "p")
        await project.deploy("note_and_hold", max_retries=0)
        invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        await lines_of(notes)
        interrupted.process.send_signal(signal.SIGINT)
        assert await interrupted.process.wait() == 0
        assert "interrupted what ran: 1 to be launched again" in await interrupted.output()
    assert processes_of(folder) == []

    async with dev(folder, ports, words=["--wait-for-jobs"]) as waiting:
        await waiting.ready()
        await lines_of(notes, at_least=2)
        waiting.process.send_signal(signal.SIGINT)
        await waiting.says("Waiting for what runs")
        release.touch()
        assert await waiting.process.wait() == 0
        assert "interrupted" not in await waiting.output()

    await project.http.aclose()
    assert await _executions(folder) == [("SUCCEEDED", 2, invocation_id, None)]
    assert len(notes.read_text().splitlines()) == 2


async def test_dead_servers_are_started_again_and_a_second_signal_hurries_a_stop(tmp_path: Path) -> None:
    async with dev(tmp_path, Ports.free()) as stack:
        access = await stack.ready()
        for name in ("api", "temporal"):
            process = read_record(stack.folder.record(name))
            assert process is not None
            psutil.Process(process.pid).kill()
            await _recorded_again(stack.folder, name, not_pid=process.pid)
        await _ready_again(access)
        api = read_record(stack.folder.record("api"))
        assert api is not None
        psutil.Process(api.pid).suspend()  # it will not end by itself
        stack.process.send_signal(signal.SIGINT)
        await _begins_to_stop(stack.folder)
        stack.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(stack.process.wait(), timeout=9) == 0  # less than the grace period
    assert processes_of(tmp_path) == []


async def test_interrupted_start_leaves_nothing_running(tmp_path: Path) -> None:
    async with new_dev(tmp_path, Ports.free()) as stack:
        while read_record(stack.folder.record("temporal")) is None:
            await asyncio.sleep(0.01)
        assert await stack.end() == 0
    assert processes_of(tmp_path) == []


async def _answers(access: StackAccess) -> None:
    async with httpx2.AsyncClient() as client:
        assert (await client.get(access.api_url)).json() == {"status": "healthy"}
        assert (await client.get(f"{access.api_url}/health/ready")).status_code == 200


async def _ready_again(access: StackAccess) -> None:
    async with httpx2.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{access.api_url}/health/ready")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.1)


async def _recorded_again(folder: DataFolder, name: str, *, not_pid: int) -> None:
    while True:
        process = read_record(folder.record(name))
        if process is not None and process.pid != not_pid:
            return
        await asyncio.sleep(0.05)


async def _begins_to_stop(folder: DataFolder) -> None:
    """Until the first signal has been received: two of a kind at once are one to the system."""
    while find_access(folder) is not None:
        await asyncio.sleep(0.01)


async def _executions(folder: Path) -> list[tuple[object, ...]]:
    """Outcome, launches, invocation and when its cancellation was asked for, of all that a stopped stack has."""
    server = EmbeddedPostgres(folder / "postgres")
    database = Database((await server.start()).url)
    async with database.transaction() as connection:
        rows = await connection.execute(
            text(
                "SELECT executions.outcome, launches, invocation_id, invocations.cancellation_request_time "
                "FROM executions JOIN invocations USING (invocation_id)"
            )
        )
        found = [tuple(row) for row in rows]
    await database.close()
    await server.stop()
    return found
