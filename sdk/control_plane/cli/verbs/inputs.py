"""An invocation's input as users write it on a command line."""

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from control_plane.access.errors import WrongUsage
from control_plane.protocol.bounds import MAX_INPUT_LENGTH
from control_plane.protocol.sources import TextFileSource

_KEPT_BYTE = re.compile("[\udc80-\udcff]")
_MOST_BYTES = 4 * MAX_INPUT_LENGTH  # of UTF-8

_ARGUMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def input_of(words: Sequence[str]) -> str:
    """The text that no words, `-`, `@file`, NAME=VALUE words, or one text stand for. Raises WrongUsage.

    A VALUE that is JSON is taken as that, with its numbers as they are written, any other as a string.
    """
    if not words:
        return ""
    words = [_decoded(word) for word in words]
    arguments = [_ARGUMENT.fullmatch(word) for word in words]
    if all(arguments):
        return _object_of([(found[1], found[2]) for found in arguments if found])
    if len(words) > 1:
        raise WrongUsage("the input must be one word; put it in single quotes, or give NAME=VALUE words only")
    word = words[0]
    if word == "-":
        return _read(sys.stdin.buffer, "stdin")
    if word.startswith("@"):
        try:
            with Path(word[1:]).open("rb") as file:
                return _read(file, word[1:])
        except OSError as error:
            raise WrongUsage(f"the input file {word[1:]} cannot be read: {error.strerror}") from error
    return word


def large_file_of(words: Sequence[str]) -> TextFileSource | None:
    """Of `@file`, if that is too large to be sent in a request: it is not read into memory. Raises WrongUsage."""
    if len(words) != 1 or not words[0].startswith("@"):
        return None
    path = Path(words[0][1:])
    try:
        if not path.is_file() or path.stat().st_size <= _MOST_BYTES:
            return None
        return TextFileSource(path)
    except OSError as error:
        raise WrongUsage(f"the input file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongUsage(f"the input from {path} is no UTF-8 text") from error
    except ValueError as error:
        raise WrongUsage(f"the input from {path} is no text: {error}") from error


def json_problem(text: str) -> str | None:
    """Why the text is no JSON; None if it is, or is empty, which calls a function without arguments."""
    if not text.strip():
        return None
    try:
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except RecursionError:
        return "it is nested too deep"
    except ValueError as error:
        return str(error)
    return None


def _read(file: IO[bytes], source: str) -> str:
    """No more than what is certainly too much, as some sources have no end."""
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise WrongUsage(f"the input from {source} is too long; put it into a file, and give @FILE")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WrongUsage(f"the input from {source} is no UTF-8 text") from error


def _decoded(word: str) -> str:
    """As UTF-8, also where the locale knows ASCII alone and Python has kept the bytes as surrogates."""
    if _KEPT_BYTE.search(word) is None:
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeDecodeError as error:
        raise WrongUsage("the input is no UTF-8 text") from error


def _object_of(arguments: Sequence[tuple[str, str]]) -> str:
    """Raises WrongUsage."""
    names = [name for name, _ in arguments]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise WrongUsage(f"{twice} is given twice; put several values in one: {twice}='[1, 2]'")
    members = ", ".join(f'"{name}": {_json_of(value)}' for name, value in arguments)
    return f"{{{members}}}"


def _json_of(value: str) -> str:
    is_json = value.strip() and json_problem(value) is None
    return value if is_json else json.dumps(value)


def _refuse_constant(name: str) -> None:
    """Python's own reader takes NaN and infinities for numbers."""
    raise ValueError(f"{name} is no JSON")
