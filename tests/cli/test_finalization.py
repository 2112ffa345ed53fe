"""Commands that use Temporal's client end without Python's finalization, which its threads may crash."""

import subprocess
import sys

import pytest

_COMMAND = """
import atexit, sys
from control_plane.cli.exits import Finalization
from control_plane.cli.main import main

atexit.register(print, "cleared up")
Finalization.is_unsafe = {is_unsafe}
sys.argv = ["control-plane", {argument!r}]
main()
"""


@pytest.mark.parametrize("is_unsafe", [True, False])
@pytest.mark.parametrize(("argument", "exit_code"), [("--help", 0), ("--unknown", 2)])
def test_what_was_said_and_the_exit_code_are_the_same_without_it(
    is_unsafe: bool, argument: str, exit_code: int
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _COMMAND.format(is_unsafe=is_unsafe, argument=argument)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == exit_code
    assert ("Usage" in ended.stdout) is (exit_code == 0)
    assert ("unknown" in ended.stderr) is (exit_code == 2)
    assert ("cleared up" in ended.stdout) is not is_unsafe
