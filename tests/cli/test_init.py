"""`control-plane init`: a folder that deploys as it is, and whose test passes; and functions that run here."""

import asyncio
import sys
from pathlib import Path

import control_plane

from tests.cli.terminal import Terminal


async def test_what_is_written_works_as_it_is(terminal: Terminal) -> None:
    made = await terminal.succeed("init", "begun")
    assert made.lines == ["begun"]
    folder = terminal.home / "begun"
    tests = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(Path(control_plane.__path__[0]).parent)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await tests.communicate()
    assert b"2 passed" in said, said.decode()
    await terminal.succeed("deploy", "begun")
    run = await terminal.succeed("invoke", "begun", "greet_all", '{"names": ["Ada", "Alan"]}', "--wait")
    assert run.document == ["Hello, Ada!", "Hello, Alan!"]
    again = await terminal.run("init", "begun")
    assert again.exit_code == 1
    assert "begun/main.py exists; nothing was written" in again.complaint
    assert (await terminal.run("init", "a@ver-1")).exit_code == 2
    spaced = await terminal.succeed("init", "two words")
    assert "control-plane deploy 'two words'\n" in spaced.stderr
    deployed = await terminal.succeed("deploy", "two words")
    assert "control-plane invoke 'two words' greet" in deployed.stderr


async def test_a_function_runs_here_without_a_server(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    await terminal.succeed("init", "begun")
    run = await terminal.succeed("invoke", "--local", "begun", "greet", "name=Ada", "times=2")
    assert run.document == "Hello, Ada! Hello, Ada!"
    run = await terminal.succeed("invoke", "--local", "begun", "greet_all", '[["Ada"]]')
    assert run.document == ["Hello, Ada!"]
    long = "x" * 200_000
    (tmp_path / "input").write_text(f'{{"name": "{long}"}}')
    assert (await terminal.succeed("invoke", "--local", "begun", "greet", "@input")).document == f"Hello, {long}!"
    (tmp_path / "begun" / "jobs.py").write_text("import control_plane as cp\n@cp.function\ndef one(): return 1\n")
    assert (await terminal.succeed("invoke", "--local", "begun:jobs", "one")).document == 1
    run = await terminal.run("invoke", "--local", "begun", "greet", "nam=Ada")
    assert run.exit_code != 0
    assert "nam" in run.stderr
    assert (await terminal.run("invoke", "--local", "nowhere", "greet")).exit_code == 1
    assert (await terminal.run("invoke", "--local", "begun", "greet", "--wait")).exit_code == 2


async def test_functions_of_any_module_are_deployed(terminal: Terminal) -> None:
    package = terminal.home / "modules" / "images"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "jobs.py").write_text("import control_plane as cp\n@cp.function\ndef twice(x: int): return 2 * x\n")
    await terminal.succeed("deploy", "modules", "--module", "images.jobs")
    assert (await terminal.succeed("invoke", "modules", "twice", "x=4", "--wait")).document == 8
    run = await terminal.run("deploy", "modules", "--module", "images.job")
    assert "images/job.py" in run.complaint
