"""Files of environment variables, NAME=value in each line, as `docker run --env-file` and dotenv know them.

Of what these read differently a variable within a value, a value over several lines and a name twice are refused.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from control_plane.access.errors import WrongUsage

_LINE = re.compile(r"(?:export\s+)?(?P<name>[^\s=]+)\s*=\s*(?P<value>.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SINGLE = re.compile(r"'(?P<text>[^']*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT = re.compile(r"(?:^|\s+)#.*")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
_VARIABLE = re.compile(r"(?<!\\)\$[A-Za-z_{(]")
_MOST_BYTES = 1_000_000


def read_env_file(path: Path) -> dict[str, str]:
    """Texts by their names. Raises WrongUsage with the number of a line that cannot be read, and nothing of the line:
    any part of it may be one of a secret."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise WrongUsage(f"--env-file {path} cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise WrongUsage(f"--env-file {path} is larger than {_MOST_BYTES:,} bytes; is it the right file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongUsage(f"--env-file {path} is no UTF-8 text") from error
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            name, value = _pair(stripped)
        except ValueError as error:
            raise WrongUsage(f"{path}:{number}: {error}") from error
        if name in found:
            raise WrongUsage(f"{path}:{number}: the name is there twice; leave one out")
        found[name] = value
    return found


def with_environment(functions: list[dict[str, Any]], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """FunctionSpecs with these variables too, where they declare none and no secret of the name."""
    return [
        {
            **function,
            "environment": {
                **{name: value for name, value in environment.items() if name not in function.get("secrets", {})},
                **function.get("environment", {}),
            },
        }
        for function in functions
    ]


def _pair(line: str) -> tuple[str, str]:
    """Raises ValueError."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("a line is NAME=value, or begins with #")
    name, value = found["name"], found["value"]
    if _NAME.fullmatch(name) is None:
        raise ValueError("what stands before = is no name of a variable")
    return name, _value(value)


def _value(text: str) -> str:
    if text.startswith("'"):
        single = _SINGLE.fullmatch(text)
        if single is None:
            raise ValueError("the value has no closing quote on its line, or something behind it")
        return single["text"]
    if text.startswith('"'):
        double = _DOUBLE.fullmatch(text)
        if double is None:
            raise ValueError("the value has no closing quote on its line, or something behind it")
        _refuse_variables(double["text"])
        return _ESCAPED.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), double["text"])
    value = _COMMENT.sub("", text).rstrip()
    _refuse_variables(value)
    return value


def _refuse_variables(text: str) -> None:
    if _VARIABLE.search(text):
        raise ValueError("the value names a variable, which is not replaced; put it in single quotes")
