"""The inputs of many calls: a line of a file each, read as often as needed and never held in memory at once."""

import hashlib
import json
import shutil
import sys
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import IO, Any

from control_plane.access.errors import WrongUsage
from control_plane.binding import bind
from control_plane.cli.verbs.inputs import json_problem
from control_plane.protocol.bounds import MAX_INPUT_LENGTH

_PIECE_BYTES = 1024 * 1024
_MOST_LINE_BYTES = 4 * MAX_INPUT_LENGTH + 2  # of UTF-8, and its end


class InputLines:
    """`source`: `@file`, or `-` for stdin. Empty lines are none. A context that closes the file."""

    def __init__(self, source: str) -> None:
        """Raises WrongUsage."""
        self._name, self._file = _opened(source)
        self.digest = self._digest()

    def __enter__(self) -> "InputLines":
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        """Raises WrongUsage for what is no text."""
        for _, line in self._numbered():
            yield line

    def check(self, *, is_command: bool, signature: Mapping[str, Any] | None, function: str) -> int:
        """How many there are. Raises WrongUsage for the first that the function would not take."""
        found = 0
        for number, line in self._numbered():
            found += 1
            problem = _problem(line, is_command=is_command, signature=signature, function=function)
            if problem is not None:
                raise WrongUsage(f"line {number} of {self._name}: {problem}; nothing was sent")
        if found == 0:
            raise WrongUsage(f"{self._name} holds no input: each line must be one, as JSON")
        return found

    def _numbered(self) -> Iterator[tuple[int, str]]:
        self._file.seek(0)
        for number in count(1):
            line = self._file.readline(_MOST_LINE_BYTES + 1)  # what is certainly too much need not be held in memory
            if not line:
                return
            if len(line) > _MOST_LINE_BYTES:
                raise WrongUsage(
                    f"line {number} of {self._name}: it has more than the {MAX_INPUT_LENGTH:,} characters that are "
                    "allowed; nothing was sent"
                )
            if number == 1:
                line = line.removeprefix(BOM_UTF8)  # some editors begin files with it
            try:
                text = line.decode().rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise WrongUsage(f"line {number} of {self._name} is no UTF-8 text; nothing was sent") from error
            if text.strip():
                yield number, text

    def _digest(self) -> str:
        digest = hashlib.sha256()
        while piece := self._file.read(_PIECE_BYTES):
            digest.update(piece)
        return digest.hexdigest()


def _opened(source: str) -> tuple[str, IO[bytes]]:
    if source == "-":
        kept = tempfile.TemporaryFile()  # noqa: SIM115 - its user closes it
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.seek(0)
        return "stdin", kept
    if not source.startswith("@"):
        raise WrongUsage(f"{source!r} must be @FILE, with an input on each line, or - for stdin")
    name = source[1:]
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - its user closes it
        if not file.seekable():
            file.close()
            raise WrongUsage(f"{name} cannot be read twice; send it to stdin, and write - for it")
    except OSError as error:
        raise WrongUsage(f"the input file {name} cannot be read: {error.strerror}") from error
    return name, file


def _problem(line: str, *, is_command: bool, signature: Mapping[str, Any] | None, function: str) -> str | None:
    if len(line) > MAX_INPUT_LENGTH:
        return f"it has {len(line):,} characters; {MAX_INPUT_LENGTH:,} are allowed"
    if is_command:
        return None
    problem = json_problem(line)
    if problem is not None:
        return f"it is no JSON ({problem})"
    if signature is None:
        return None
    value = json.loads(line)
    try:
        if isinstance(value, dict):
            bind(signature, (), value, function_name=function)
        else:
            bind(signature, value if isinstance(value, list) else [value], {}, function_name=function)
    except TypeError as error:
        return str(error)
    return None
