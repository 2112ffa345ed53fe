"""Reads the functions that a folder declares, with the Python that will run them."""

import asyncio
import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from control_plane.cli.exits import CommandFailed
from control_plane.cli.output import note
from control_plane.deployment.runtime_copies import PROGRAM, runtime_path
from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.provisioners.exit_reasons import signal_name
from control_plane_server.provisioners.process.images import folder_of_image, python_of
from control_plane_server.provisioners.process.processes import kill_session
from environment.development import inherited_environment

FILE = "main.py"
_LEADS_ELSEWHERE = ("PYTHON",)  # the container does not have them either
_TELL_AFTER = timedelta(seconds=5)
_MOST_SHOWN_BYTES = 100_000  # of what main.py prints


async def declared_functions(folder: Path, *, within: timedelta) -> list[dict[str, Any]]:
    """FunctionSpecs of the REST API. Raises CommandFailed with the one line that says what to mend.

    What main.py prints is passed on to stderr; what it starts ends with the reading of it.
    """
    python = _python(folder)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        answer, printed = Path(scratch) / "answer", Path(scratch) / "printed"
        # Into a file: a pipe would be held open by whatever main.py leaves running.
        with printed.open("wb") as output:
            process = await _start(python, folder, answer, output=output.fileno())
        try:
            await _wait(process, answer, within=within)
        finally:
            await asyncio.to_thread(kill_session, process.pid)
            await process.wait()
            _pass_on(printed)
        return _functions(answer, folder, exit_code=process.returncode or 0, last_words=_last_line(printed))


async def _start(python: str, folder: Path, answer: Path, *, output: int) -> asyncio.subprocess.Process:
    try:
        python_path = runtime_path(answer.parent)
        return await asyncio.create_subprocess_exec(
            # Not by its name: Python would look for modules of its own in the folder first.
            *(python, str(python_path / PROGRAM), "describe", FILE, str(answer)),
            cwd=folder,
            env=inherited_environment(without_prefixes=_LEADS_ELSEWHERE) | {"PYTHONPATH": str(python_path)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(f"{python} does not start in {folder}: {error.strerror}; make it anew") from error


async def _wait(process: asyncio.subprocess.Process, answer: Path, *, within: timedelta) -> None:
    """Raises CommandFailed if it takes too long."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            try:
                async with asyncio.timeout(_TELL_AFTER.total_seconds()):
                    await process.wait()
            except TimeoutError:
                note(f"Still reading {FILE}, now at {_place(answer)} …")
            await process.wait()
    except TimeoutError as error:
        if "mistake" in (document := _document(answer)):  # another program is in the place of Python
            raise CommandFailed(document["mistake"]) from error
        raise CommandFailed(
            f"{_place(answer)}: {FILE} has not come to its end within {within.total_seconds():g} s; "
            "move what takes so long into a function, or allow more with --read-timeout"
        ) from error


def _functions(answer: Path, folder: Path, *, exit_code: int, last_words: str) -> list[dict[str, Any]]:
    document = _document(answer)
    if "functions" in document:
        functions: list[dict[str, Any]] = document["functions"]
        return functions
    if "mistake" in document:
        raise CommandFailed(document["mistake"])
    where = f" at {document['reading']}" if "reading" in document else ""
    reason = f": {last_words}" if last_words else ""
    raise CommandFailed(f"{folder / FILE} cannot be read: Python {_describe_exit(exit_code)}{where}{reason}")


def _describe_exit(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was killed by {signal_name(-exit_code)}"


def _place(answer: Path) -> str:
    place: str = _document(answer).get("reading", FILE)
    return place


def _document(answer: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(answer.read_text())
    except FileNotFoundError:
        return {}
    return document


def _pass_on(printed: Path) -> None:
    left_out, lines = _tail(printed)
    if left_out:
        note(f"{FILE} has printed {left_out:,} bytes more before this:")
    for line in lines:
        note(line)


def _last_line(printed: Path) -> str:
    _, lines = _tail(printed)
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _tail(printed: Path) -> tuple[int, list[str]]:
    """How many bytes are left out before it, and its lines."""
    with printed.open("rb") as file:
        left_out = max(0, printed.stat().st_size - _MOST_SHOWN_BYTES)
        file.seek(left_out)
        return left_out, file.read(_MOST_SHOWN_BYTES).decode(errors="replace").splitlines()


def _python(folder: Path) -> str:
    if not folder.is_dir():
        raise CommandFailed(f"there is no folder {folder}; name the one that holds {FILE}")
    try:
        python = python_of(folder)
    except FunctionFailure as error:
        raise CommandFailed(str(error)) from error
    try:
        folder_of_image(folder.as_uri(), needs_main=False)
    except FunctionFailure as error:
        raise CommandFailed(f"{error}; give it another name") from error
    return python
