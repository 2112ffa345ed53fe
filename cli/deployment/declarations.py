"""Reads the functions that a folder declares, with the Python that will run them."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from cli.exits import CommandFailed
from cli.output import note
from domain.errors import FunctionFailure
from environment.development import inherited_environment
from provisioners.process.images import folder_of_image, python_of
from provisioners.process.runtime_copies import PROGRAM, runtime_path

FILE = "main.py"
_LEADS_ELSEWHERE = ("PYTHONPATH", "PYTHONHOME")  # the container does not have them either


async def declared_functions(folder: Path) -> list[dict[str, Any]]:
    """FunctionSpecs of the REST API. Raises CommandFailed with the one line that says what to mend.

    What main.py prints is passed on to stderr.
    """
    _check(folder)
    with tempfile.TemporaryDirectory() as packages:
        python_path = runtime_path(Path(packages))
        process = await asyncio.create_subprocess_exec(
            # Not by its name: Python would look for modules of its own in the folder first.
            *(python_of(folder), str(python_path / PROGRAM), "describe", FILE),
            cwd=folder,
            env=inherited_environment(without_prefixes=_LEADS_ELSEWHERE) | {"PYTHONPATH": str(python_path)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            stdout, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    said = stderr.decode(errors="replace").splitlines()
    complaint = said.pop() if process.returncode == 1 and said else None
    for line in said:
        note(line)
    if complaint is not None:
        raise CommandFailed(complaint)
    if process.returncode != 0:
        raise CommandFailed(f"{folder / FILE} cannot be read: Python ended with exit code {process.returncode}")
    functions: list[dict[str, Any]] = json.loads(stdout)["functions"]
    return functions


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise CommandFailed(f"there is no folder {folder}; name the one that holds {FILE}")
    try:
        folder_of_image(folder.as_uri(), needs_main=False)
    except FunctionFailure as error:
        raise CommandFailed(f"{error}; give it another name") from error
