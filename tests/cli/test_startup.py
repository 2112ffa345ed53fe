"""The command starts without what its verbs need, and completes in shells."""

import subprocess
import sys

import pytest

from tests.cli.stacks import clean_environment
from tests.cli.terminal import CONTROL_PLANE

_HEAVY = (
    "httpx2",
    "asyncio",
    "pydantic",
    "control_plane.client",
    "control_plane.deployment",
    "sqlalchemy",
    "temporalio",
)


def _completed(words: str, number: int) -> list[str]:
    environment = clean_environment(_CONTROL_PLANE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(number))
    program = "import sys; sys.argv[0] = 'control-plane'; from control_plane.cli.main import main; main()"
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    return run.stdout.split()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_lists_of_verbs_import_none(option: str) -> None:
    program = (
        "import sys; sys.argv[1:] = [sys.argv[1]]\n"
        "from control_plane.cli.main import main\n"
        "try: main()\n"
        "finally: print('IMPORTED', *sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, option], capture_output=True, text=True, check=True)
    imported = run.stdout.partition("IMPORTED")[2].split()
    assert "typer" in imported
    assert [name for name in _HEAVY if name in imported] == []


def test_shells_complete_verbs_and_options() -> None:
    assert "deploy" in _completed("control-plane de", 1)
    assert "--module" in _completed("control-plane deploy --", 2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_reads(shell: str) -> None:
    run = subprocess.run([*CONTROL_PLANE, "completion", shell], capture_output=True, text=True, check=True)
    assert "_CONTROL_PLANE_COMPLETE" in run.stdout


def test_a_verb_that_is_nearly_one() -> None:
    run = subprocess.run([*CONTROL_PLANE, "deplyo"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "deploy" in run.stderr


def test_without_the_extra_one_line_says_what_to_install() -> None:
    program = "import sys; sys.modules['typer'] = None; from control_plane.cli.main import main; main()"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == 'control-plane: the command line needs typer: pip install "control-plane-client[cli]"\n'
