"""Runs uv, which is beside the interpreter of .uv/."""

import os
import subprocess
import sys
from pathlib import Path

from requirements.pip_settings import environment_of_uv, read_pip_settings
from requirements.sets import INSTALLATION, ROOT

_PROGRAM = str(Path(sys.prefix) / "bin" / "uv")
# Nothing is built but by what is pinned, and no interpreter is used but the machine's own.
_ALWAYS = {
    "UV_BUILD_CONSTRAINT": str(INSTALLATION.path),
    "UV_REQUIRE_BUILD_HASHES": "1",
    "UV_PREVIEW_FEATURES": "build-dependency-hashes",  # what it is called as long as uv may change it
    "UV_PYTHON_DOWNLOADS": "never",
}


def run_uv(*arguments: str, announcement: str = "") -> int:
    """Its exit code. Without the network and without a word, if nothing is missing or what is missing was downloaded
    before; else announced, and from where pip would take it. What the user has set for uv wins."""
    if _run("--offline", "--quiet", *arguments, variables={}, stderr=subprocess.DEVNULL) == 0:
        return 0
    if announcement:
        print(announcement, flush=True)
    verbosity = () if sys.stderr.isatty() else ("--quiet",)
    return _run(*verbosity, *arguments, variables=environment_of_uv(read_pip_settings()))


def _run(*arguments: str, variables: dict[str, str], stderr: int | None = None) -> int:
    # Whatever lock this process holds, uv holds on to as well.
    return subprocess.run(
        (_PROGRAM, *arguments),
        cwd=ROOT,
        env={**variables, **os.environ, **_ALWAYS},
        stderr=stderr,
        close_fds=False,
        check=False,
    ).returncode
