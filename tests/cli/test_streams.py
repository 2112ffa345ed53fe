"""The last step of a command, with a stdout that takes nothing, little, or not everything."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

_PRINTS = (sys.executable, "-P", "-c")
_COMMAND = """
import sys
from control_plane.cli import entry_point
from control_plane.cli.output import print_line
entry_point.app = lambda: (print_line(sys.argv[1]), sys.exit(int(sys.argv[2])))
sys.exit(entry_point.run_command())
"""


def run(
    stdout: int | IO[bytes], *, text: str = '"snow ☃, naïve"', code: int = 0, **environment: str
) -> tuple[int, str, bytes | None]:
    """Exit code, stderr, stdout if it is a pipe."""
    completed = subprocess.run(
        (*_PRINTS, _COMMAND, text, str(code)),
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        check=False,
        timeout=30,
    )
    return completed.returncode, completed.stderr.decode(), completed.stdout


@pytest.mark.parametrize("code", [0, 1, 4])
def test_a_full_disk_is_told_and_hides_no_other_failure(code: int) -> None:
    with open("/dev/full", "wb") as full:
        exit_code, stderr, _ = run(full, code=code)
    assert exit_code == (code or 5)
    assert stderr == "control-plane: what was to be printed could not be written to stdout: No space left on device\n"


@pytest.mark.parametrize("code", [0, 3])
def test_a_reader_that_has_gone_is_no_failure(code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        assert run(pipe, code=code) == (code, "", None)


def test_a_closed_stdout_is_told() -> None:
    completed = subprocess.run(
        ("sh", "-c", 'exec "$@" >&-', "sh", *_PRINTS, _COMMAND, "x", "0"), stderr=subprocess.PIPE, check=False
    )
    assert completed.returncode == 5
    assert completed.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", rb'"snow \u2603, na\u00efve"'),
        ("latin-1", b'"snow \\u2603, na\xefve"'),
        ("utf-8", '"snow ☃, naïve"'.encode()),
    ],
)
def test_characters_that_the_terminal_does_not_know_are_escaped_as_in_json(encoding: str, written: bytes) -> None:
    assert run(subprocess.PIPE, PYTHONIOENCODING=encoding) == (0, "", written + b"\n")


def test_a_pipe_that_takes_little_at_a_time_gets_everything() -> None:
    """Somebody who has the other end may have made it so, for both."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen((*_PRINTS, _COMMAND.replace("sys.argv[1]", "'x' * 1_000_000"), "", "0"), stdout=writer) as it:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            assert len(pipe.read()) == 1_000_001
        assert it.wait() == 0


def test_help_needs_no_home_and_no_account_and_passes_over_others_modules(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('not ours')")
    completed = subprocess.run(
        (sys.executable, "-m", "control_plane.cli.main", "dev", "--help"),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "XDG_RUNTIME_DIR": "/nowhere"},
        cwd="/",
        capture_output=True,
        check=False,
    )
    assert (completed.returncode, completed.stderr) == (0, b"")
    assert b"Ctrl-C" in completed.stdout
