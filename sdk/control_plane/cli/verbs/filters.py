"""Options that narrow lists of invocations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.moments import HELP, moment

Since = Annotated[str | None, typer.Option(metavar="WHEN", help=f"Created since then: {HELP}.")]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Created before then.")]
Failed = Annotated[bool, typer.Option("--failed", help="What failed, timed out or was aborted.")]
Outcomes = Annotated[
    list[str] | None, typer.Option(help="`succeeded`, `failed`, `cancelled`, `timed_out`, `aborted`; repeatable.")
]
OfFunction = Annotated[str | None, typer.Option(help="Of this function.")]
Parent = Annotated[str | None, typer.Option(metavar="INVOCATION", help="Started by this one.")]
OfVersion = Annotated[str | None, typer.Option(metavar="ver-…", help="Of this version.")]
OfBatch = Annotated[str | None, typer.Option(metavar="bat-…", help="Of this batch.")]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="Submitted with this tag; repeatable: with all of them."),
]
ConcurrencyKey = Annotated[str | None, typer.Option(metavar="KEY", help="Submitted with this concurrency key.")]

_RUNNING = "running"
_ENDED = "ended"
_OUTCOMES = ("SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "ABORTED")
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")


def seconds(text: str | None) -> int | None:
    """Of a moment, since the epoch. Raises WrongUsage."""
    return None if text is None else int(moment(text, now=datetime.now(UTC)))


def tags_of(texts: Sequence[str]) -> list[str] | None:
    """As the API takes them. Raises WrongUsage."""
    for text in texts:
        if not text.partition("=")[0] or "=" not in text:
            raise WrongUsage(f"--tag {text!r} must look like KEY=VALUE")
    return [text.replace("=", ":", 1) for text in texts] or None


def status_of(word: str | None) -> tuple[str | None, tuple[str, ...]]:
    """What of the API a --status stands for: its status, and outcomes. Raises WrongUsage."""
    if word is None:
        return None, ()
    if word.lower() == _RUNNING:
        return "RUNNING", ()
    if word.lower() in (_ENDED, "terminated"):
        return "TERMINATED", ()
    return None, outcomes_of([word], choices=(_RUNNING, _ENDED, *map(str.lower, _OUTCOMES)))


def outcomes_of(words: Sequence[str], *, choices: Sequence[str] = tuple(map(str.lower, _OUTCOMES))) -> tuple[str, ...]:
    """As the API writes them. Raises WrongUsage."""
    found = tuple(word.strip().upper().replace("-", "_").replace(" ", "_") for word in words)
    for word, outcome in zip(words, found, strict=True):
        if outcome not in _OUTCOMES:
            raise WrongUsage(f"there is no {word!r}; there are {', '.join(choices)}")
    return found
