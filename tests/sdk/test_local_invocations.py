"""`python -m control_plane invoke`: a function of a folder in a process of its own, without a server."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.sdk.conftest import PROGRAM

SOURCE = """
    import os, signal, sys, threading, time
    import control_plane as cp

    @cp.function
    def square(number: int) -> int:
        return number ** 2

    @cp.function
    def total(numbers: list) -> int:
        return sum(square.map(numbers)) + sum(cp.gather(*[square.submit(n) for n in numbers]))

    @cp.function
    def steps(to: int):
        print('printed')
        yield from range(to)

    @cp.function(timeout=1)
    def endless():
        threading.Event().wait(60)

    @cp.function
    def stopped():
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(60)

    @cp.function
    def fail():
        raise ValueError('as asked')

    @cp.function
    def typed():
        return [sys.stdin.readline().strip(), os.path.basename(os.getcwd()), cp.current().function_name]

    cp.command('sort', ['sort', '-n'])
    """


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    (path / "main.py").write_text(textwrap.dedent(SOURCE))
    return path


def invoke(folder: Path, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    completed = subprocess.run(
        [sys.executable, *PROGRAM, "invoke", str(folder / "main.py"), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    return completed.returncode, completed.stdout, completed.stderr


def test_the_result_is_on_stdout(folder: Path) -> None:
    assert invoke(folder, "square", "[3]") == (0, "9\n", "")
    assert invoke(folder, "total", '{"numbers": [1, 2]}') == (0, "10\n", "")
    assert invoke(folder, "steps", "3") == (0, "printed\nnull\n", "0\n1\n2\n")


def test_stdin_and_the_folder_are_the_functions(folder: Path) -> None:
    code, output, _ = invoke(folder, "typed", stdin="from the terminal\n")
    assert (code, json.loads(output)) == (0, ["from the terminal", "project", "typed"])


def test_an_input_may_be_in_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("[4]")
    assert invoke(folder, "square", f"@{tmp_path / 'input'}") == (0, "16\n", "")


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("endless",), 3, "endless ran longer than its timeout"),
        (("stopped",), 4, ""),
        (("fail",), 1, "ValueError: as asked"),
        (("square", "{"), 1, "The input is not JSON: "),
        (("square", "[1, 2]"), 1, "TypeError: square() takes 1 positional argument but 2 were given"),
        (("none",), 1, "main.py has no function 'none'"),
        (("sort",), 1, "sort is a command; run it as it is: sort -n"),
        ((), 2, "usage: python -m control_plane invoke FILE|MODULE FUNCTION [INPUT|@FILE]"),
        (("square", "@/not/there"), 2, "The input cannot be read: "),
    ],
)
def test_the_exit_code_tells_the_outcome(folder: Path, words: tuple[str, ...], code: int, line: str) -> None:
    exit_code, output, errors = invoke(folder, *words)
    assert (exit_code, output) == (code, "")
    assert (errors.strip().splitlines() or [""])[-1].startswith(line)
    assert str(Path("sdk", "control_plane")) not in errors


def test_ctrl_c_ends_it(folder: Path) -> None:
    (folder / "main.py").write_text(
        # A shell that runs the tests in the background has SIGINT ignored; a terminal has not.
        "import os, signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def f():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)"
    )
    assert invoke(folder, "f") == (128 + signal.SIGINT, "", "")
