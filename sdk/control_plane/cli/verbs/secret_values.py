"""The value of a secret, from where nobody else sees it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from control_plane.access.errors import WrongUsage
from control_plane.cli.questions import ask_secretly

_MOST_BYTES = 64 * 1024


def without_file(words: Sequence[str]) -> tuple[Sequence[str], Path | None]:
    """The words, and the file of a last one that is @FILE."""
    if len(words) > 1 and words[-1].startswith("@"):
        return words[:-1], Path(words[-1][1:])
    return words, None


def ask_for_value(what: str, file: Path | None) -> str:
    """From the file, the terminal, or stdin. Raises WrongUsage."""
    if file is not None:
        try:
            with file.open("rb") as opened:
                text = _read(opened, str(file))
        except OSError as error:
            raise WrongUsage(f"the file {file} cannot be read: {error.strerror}") from error
    elif sys.stdin.isatty():
        text = ask_secretly(f"{what}: ")
    else:
        text = _read(sys.stdin.buffer, "stdin")
    if not text:
        raise WrongUsage("the value is empty; nothing was set")
    return text


def _read(file: IO[bytes], source: str) -> str:
    """Without the line's end at its end. No more than what is certainly too much, as some sources have no end."""
    content = file.read(_MOST_BYTES + 3)  # with a line's end, and one that shows that there is more
    end = next((end for end in (b"\r\n", b"\n") if content.endswith(end)), b"")
    content = content.removesuffix(end)
    if len(content) > _MOST_BYTES:
        raise WrongUsage(f"the value from {source} has more than the {_MOST_BYTES:,} bytes that are allowed")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WrongUsage(f"the value from {source} is no UTF-8 text; base64 makes one of it") from error
