"""`python -m requirements.lock`: solves the dependencies anew, into poetry.lock, and exports the requirement files.

Only what pyproject.toml no longer allows, or what is new in it, changes its version.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

from requirements.pip_settings import environment_of_poetry, read_pip_settings
from requirements.sets import ROOT, SETS, RequirementSet
from requirements.uv import run_uv

_POETRY = ROOT / ".poetry"
_FOLDER = re.compile(r"^-e |^[\w.-]+(\[[\w,-]+\])? @ file:")
_TOOLS = ("poetry==2.5.1", "poetry-plugin-export==1.10.1", "poetry-plugin-pypi-mirror==0.6.5")


def main() -> int:
    status = run_uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(_POETRY))
    status = status or run_uv("pip", "install", "--python", str(_POETRY), *_TOOLS, announcement="Installing Poetry")
    if status != 0:
        return status
    try:
        _poetry("lock", variables=environment_of_poetry(read_pip_settings()))
        for exported in SETS:
            _export(exported)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def _export(exported: RequirementSet) -> None:
    """An exchange of the whole file, so that one is never half of it."""
    extras = [argument for extra in sorted(exported.extras) for argument in ("--extras", extra)]
    written = exported.path.with_suffix(".new")
    groups = ",".join(sorted(exported.groups))
    _poetry("export", "--without-urls", "--only", groups, *extras, "--output", str(written), variables={})
    # Folders of this repository have no hash: requirements/project.txt names them.
    lines = [line for line in written.read_text().splitlines(keepends=True) if not _FOLDER.search(line)]
    written.write_text(f"# {exported.purpose}. From poetry.lock; `make lock` writes it.\n{''.join(lines)}")
    written.replace(exported.path)


def _poetry(*arguments: str, variables: Mapping[str, str]) -> None:
    """Raises CalledProcessError. An environment that somebody has activated would win over ours."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    program = str(_POETRY / "bin" / "poetry")
    subprocess.run((program, "--no-interaction", *arguments), cwd=ROOT, env={**variables, **inherited}, check=True)


if __name__ == "__main__":
    sys.exit(main())
