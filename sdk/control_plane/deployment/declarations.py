"""Reads the functions that a folder declares, with the Python that will run them."""

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from control_plane.access.errors import CannotBeDone
from control_plane.deployment.code_folders import FolderIsUnusable, ensure_usable, python_of
from control_plane.deployment.reports import Report
from control_plane.deployment.runtime_copies import PROGRAM, runtime_path
from control_plane.entry_modules import MAIN
from control_plane.machine.processes import kill_session
from control_plane.machine.signals import signal_name

_LEADS_ELSEWHERE = ("PYTHON",)  # the container does not have them either
_TELL_AFTER = timedelta(seconds=5)
_MOST_SHOWN_BYTES = 100_000  # of what the module prints


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """`functions`: FunctionSpecs of the REST API. `files`: modules of the folder that were imported for them, as seen
    from it."""

    functions: list[dict[str, Any]]
    files: list[Path]


async def read_declarations(folder: Path, *, module: str, within: timedelta, report: Report) -> Declared:
    """What a module of the folder declares. Raises CannotBeDone with the one line that says what to mend.

    What the module prints is reported, line by line; what it starts ends with the reading of it.
    """
    python = _python(folder)
    reading = _Reading(folder, "main.py" if module == MAIN else module, report)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        answer, printed = Path(scratch) / "answer", Path(scratch) / "printed"
        # Into a file: a pipe would be held open by whatever the module leaves running.
        with printed.open("wb") as output:
            process = await reading.start(python, answer, output=output.fileno())
        try:
            await reading.wait(process, answer, within=within)
        finally:
            await asyncio.to_thread(kill_session, process.pid)
            await process.wait()
            reading.pass_on(printed)
        return reading.declared(answer, exit_code=process.returncode or 0, last_words=_last_line(printed))


class _Reading:
    """`what`: main.py, or the name of another module."""

    def __init__(self, folder: Path, what: str, report: Report) -> None:
        self._folder = folder
        self._what = what
        self._report = report

    async def start(self, python: str, answer: Path, *, output: int) -> asyncio.subprocess.Process:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_LEADS_ELSEWHERE)}
        try:
            python_path = runtime_path(answer.parent)
            return await asyncio.create_subprocess_exec(
                # Not by its name: Python would look for modules of its own in the folder first.
                *(python, str(python_path / PROGRAM), "describe", self._what, str(answer)),
                cwd=self._folder,
                env=inherited | {"PYTHONPATH": str(python_path)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise CannotBeDone(f"{python} does not start in {self._folder}: {error.strerror}; make it anew") from error

    async def wait(self, process: asyncio.subprocess.Process, answer: Path, *, within: timedelta) -> None:
        """Raises CannotBeDone if it takes too long."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                try:
                    async with asyncio.timeout(_TELL_AFTER.total_seconds()):
                        await process.wait()
                except TimeoutError:
                    self._report(f"Still reading {self._what}, now at {self._place(answer)} …")
                await process.wait()
        except TimeoutError as error:
            if "mistake" in (document := _document(answer)):  # another program is in the place of Python
                raise CannotBeDone(document["mistake"]) from error
            raise CannotBeDone(
                f"{self._place(answer)}: {self._what} has not come to its end within {within.total_seconds():g} s; "
                "move what takes so long into a function, or allow more with --read-timeout"
            ) from error

    def declared(self, answer: Path, *, exit_code: int, last_words: str) -> Declared:
        document = _document(answer)
        if "functions" in document:
            for advice in document.get("advice", ()):
                self._report(advice)
            return Declared(functions=document["functions"], files=[Path(file) for file in document.get("files", ())])
        if "mistake" in document:
            raise CannotBeDone(document["mistake"])
        where = f" at {document['reading']}" if "reading" in document else ""
        reason = f": {last_words}" if last_words else ""
        what = self._folder / self._what if self._what == "main.py" else f"{self._what} of {self._folder}"
        raise CannotBeDone(f"{what} cannot be read: Python {_describe_exit(exit_code)}{where}{reason}")

    def pass_on(self, printed: Path) -> None:
        left_out, lines = _tail(printed)
        if left_out:
            self._report(f"{self._what} has printed {left_out:,} bytes more before this:")
        for line in lines:
            self._report(line)

    def _place(self, answer: Path) -> str:
        place: str = _document(answer).get("reading", self._what)
        return place


def _describe_exit(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was killed by {signal_name(-exit_code)}"


def _document(answer: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(answer.read_text())
    except FileNotFoundError:
        return {}
    return document


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
        raise CannotBeDone(f"there is no folder {folder}; name the one that holds your functions")
    try:
        ensure_usable(folder)
        return python_of(folder)
    except FolderIsUnusable as error:
        raise CannotBeDone(str(error)) from error
