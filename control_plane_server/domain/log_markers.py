"""The lines in a warm container's log that say whose lines lie between them.

A container with `reuse` writes one to its stdout and one to its stderr before an execution and after it. A platform may
tell a marker in pieces, or behind what was left of a line of the user's.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from control_plane_server.domain.identifiers import ExecutionId

_SIGN = "\x1e"  # "record separator": nobody prints it by chance
_DIGITS = "[0-9]"
_BEFORE_ID, _BEFORE_LAUNCH, _BEFORE_END, _END = (
    '\x1e{"control_plane_execution": "exe-',
    '", "launch": ',
    ', "at": "',
    '"}',
)


class MarkerKind(StrEnum):
    BEGIN = "begin"
    END = "end"


@dataclass(frozen=True, slots=True)
class MarkedLaunch:
    """Whose lines they are: of this launch of this execution. `launch`: as its container's token has it."""

    execution_id: ExecutionId
    launch: int


@dataclass(frozen=True, slots=True)
class Marker:
    of: MarkedLaunch
    kind: MarkerKind

    def __str__(self) -> str:
        """The line that a container writes, without its end."""
        return _SIGN + json.dumps(
            {"control_plane_execution": self.of.execution_id, "launch": self.of.launch, "at": self.kind.value}
        )


_WHOLE = re.compile(
    re.escape(_BEFORE_ID)
    + f"(?P<id>[0-9a-f]{{32}}){re.escape(_BEFORE_LAUNCH)}(?P<launch>{_DIGITS}{{1,9}}){re.escape(_BEFORE_END)}"
    + f"(?P<kind>begin|end){re.escape(_END)}",
    re.ASCII,
)


def _unfinished(kind: MarkerKind) -> str:
    """What a marker of this kind begins with, anything of it but the whole."""
    atoms = [
        *map(re.escape, _BEFORE_ID),
        *["[0-9a-f]"] * 32,
        *map(re.escape, _BEFORE_LAUNCH),
        _DIGITS + "{1,9}",
        *map(re.escape, _BEFORE_END + kind.value + _END[:-1]),
    ]
    pattern = ""
    for atom in reversed(atoms[1:]):
        pattern = f"(?:{atom}{pattern})?"
    return atoms[0] + pattern


_UNFINISHED = re.compile("|".join(f"(?:{_unfinished(kind)})" for kind in MarkerKind), re.ASCII)


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text without its first marker: what is `before` it and `after` it. Without a marker all is `before`, but for
    what may become one with what follows, which is `unfinished`."""

    before: str
    marker: Marker | None = None
    after: str = ""
    unfinished: str = ""


def first_marker(text: str) -> MarkedText:
    """Takes the first marker out of a text."""
    if _SIGN not in text:
        return MarkedText(text)
    found = _WHOLE.search(text)
    if found is not None:
        launch = MarkedLaunch(ExecutionId(f"exe-{found['id']}"), int(found["launch"]))
        marker = Marker(launch, MarkerKind(found["kind"]))
        return MarkedText(text[: found.start()], marker, text[found.end() :])
    sign = text.rindex(_SIGN)
    if _UNFINISHED.fullmatch(text, sign) is not None:
        return MarkedText(text[:sign], unfinished=text[sign:])
    return MarkedText(text)
