"""`python -m requirements.install SET`: .venv/ with what requirements/SET.txt says, and this project, editable.

May be killed at any point, run again, and run twice at once. Runs with the interpreter of .uv/.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requirements.sets import DEVELOPMENT, PROJECT, ROOT, STACK, RequirementSet
from requirements.uv import run_uv

# What an interpreter says of itself; that of two is the same if they are.
_IDENTITY = "import sys; print(sys.base_prefix, *sys.version_info); sys.exit(sys.version_info < (3, 11))"


def main() -> int:
    parser = argparse.ArgumentParser(prog="install", description="Installs what is locked into .venv/.")
    parser.add_argument("set", choices=[STACK.name, DEVELOPMENT.name])
    parser.add_argument("--python", help="the interpreter that .venv/ must have; by default any will do")
    arguments = parser.parse_args()
    wanted = STACK if arguments.set == STACK.name else DEVELOPMENT
    try:
        return install(wanted, ROOT / ".venv", python=arguments.python)
    except KeyboardInterrupt:  # uv, which has heard it too, has said so
        return 128 + signal.SIGINT


def install(wanted: RequirementSet, venv: Path, *, python: str | None) -> int:
    """An exit code. What the stack needs is added to what is there, so that the tests' tools stay; with the set for
    development, what is not in it goes."""
    if python is not None and _identity(python) is None:
        print(f"{python} is no Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11", file=sys.stderr)
        return 2
    with _alone(venv) as unfinished:
        if unfinished.exists() or not _is_usable(venv, python):
            status = run_uv("venv", "--quiet", "--clear", "--python", python or sys.executable, str(venv))
            if status != 0:
                return status
        unfinished.touch()
        status = _fill(venv, wanted)
        if status >= 0:  # not killed: done, or refused before anything was changed
            unfinished.unlink()
        return status


def _fill(venv: Path, wanted: RequirementSet) -> int:
    """With bytecode, as the processes of a stack start side by side and would each make it. Removing is a step of its
    own: this way uv looks at the bytecode only if something was added."""
    files, into = (str(wanted.path), str(PROJECT)), ("--python", str(venv))
    requirements = [f"--requirements={file}" for file in files]
    status = run_uv(
        *("pip", "install", "--no-deps", "--compile-bytecode", *into, *requirements),
        announcement=f"Installing into {venv.name}/: {wanted.purpose}",
    )
    if status == 0 and wanted is DEVELOPMENT:
        status = run_uv("pip", "sync", *into, *files)
    return status


@contextmanager
def _alone(venv: Path) -> Iterator[Path]:
    """The mark of an installation that was begun and not ended, which one process at a time looks at. uv inherits the
    lock: if this process is killed, it is free when uv has ended."""
    with venv.with_name(f"{venv.name}.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield venv / ".unfinished"


def _is_usable(venv: Path, python: str | None) -> bool:
    """Whether it has an interpreter that runs, the one that is asked for, and lies where it was made: the programs in
    it name their interpreter by its path."""
    program = venv / "bin" / "control-plane"
    if program.exists() and f"{venv}/bin/" not in program.read_text():
        return False
    identity = _identity(str(venv / "bin" / "python"))
    return identity is not None and (python is None or identity == _identity(python))


def _identity(python: str) -> str | None:
    """None if it cannot be run, or is too old."""
    try:
        return subprocess.run((python, "-c", _IDENTITY), capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


if __name__ == "__main__":
    sys.exit(main())
