"""Ctrl-C where a command waits for the user, or for whoever reads it or writes to it."""

import contextlib
import os
import signal
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import httpx2
import pytest
from control_plane.access.local_stacks import StackAccess

from tests.cli.stacks import clean_environment
from tests.cli.terminal import CONTROL_PLANE


def interrupted(process: "subprocess.Popen[bytes]") -> int:
    """By Ctrl-C, pressed again by whoever sees nothing happen: one that comes a moment before a read begins to wait is
    heard when that is over."""
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=5)
    raise AssertionError("it goes on")


@pytest.mark.parametrize(
    ("words", "question"),
    [(("undeploy", "asked"), b"[y/N]: "), (("login", "http://127.0.0.1:1"), b"API key for http://127.0.0.1:1: ")],
)
def test_a_question_and_a_password(words: tuple[str, ...], question: bytes, home: Path, access: StackAccess) -> None:
    httpx2.put(f"{access.api_url}/projects/asked", headers={"Authorization": f"Bearer {access.api_key}"})
    ours, theirs = os.openpty()
    before = termios.tcgetattr(ours)
    process = subprocess.Popen(
        (*CONTROL_PLANE, *words),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean_environment(HOME=str(home)),
        start_new_session=True,
    )
    try:
        said = b""
        while question not in said:
            said += os.read(ours, 1_000)
        assert interrupted(process) == 130
        assert termios.tcgetattr(ours) == before
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(ours)


def test_a_second_answer_that_came_with_the_first_is_heard() -> None:
    """Whoever answers may keep the pipe open."""
    asking = "from control_plane.cli.questions import confirm; print(confirm('Delete it?'))"
    with subprocess.Popen((sys.executable, "-c", asking), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"perhaps\nyes\n")
        process.stdin.flush()
        assert process.wait(timeout=20) == 0
        assert process.stdout.read() == b"True\n"


def test_input_that_does_not_come(tmp_path: Path) -> None:
    fifo = tmp_path / "input"
    os.mkfifo(fifo)
    with subprocess.Popen((*CONTROL_PLANE, "invoke", "p", "f", f"@{fifo}"), stderr=subprocess.PIPE) as process:
        with fifo.open("wb"):  # opens as soon as the command reads
            assert interrupted(process) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_reader_that_does_not_read() -> None:
    reader, writer = os.pipe()
    code = textwrap.dedent("""
        import sys, typer
        from control_plane.cli.output import print_line
        from control_plane.cli.running import run
        from control_plane.cli.streams import guard_streams

        async def work():
            print_line("x" * 10_000_000)

        guard_streams()
        try:
            run(work())
        except typer.Exit as ending:
            sys.exit(ending.exit_code)
        """)
    with subprocess.Popen((*CONTROL_PLANE[:2], "-c", code), stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        os.read(reader, 1)
        assert interrupted(process) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    os.close(reader)
