"""Options of what submits a call: those of `control_plane.Options`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.durations import read
from control_plane.options import Options

Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="To find it by; may be repeated.")]
Delay = Annotated[str | None, typer.Option(metavar="30s|10m|2h|1d", help="Do not begin before; 30 days at most.")]
Priority = Annotated[int | None, typer.Option(help="0 to 9, the highest first; 5 unless given.")]
ConcurrencyKey = Annotated[str | None, typer.Option(metavar="KEY", help="With it, one of the function runs at a time.")]
ConcurrencyLimit = Annotated[int | None, typer.Option(help="So many with the key, in place of one.")]
WebhookUrl = Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Is told how it ends.")]


def options_from(
    *,
    tags: Sequence[str] | None,
    delay: str | None,
    priority: int | None,
    concurrency_key: str | None,
    concurrency_limit: int | None,
    webhook: str | None,
) -> Options:
    """Raises WrongUsage."""
    if concurrency_limit is not None and concurrency_key is None:
        raise WrongUsage("--concurrency-limit is of a key: give --concurrency-key, too")
    try:
        return Options(
            tags=_tags(tags) if tags else None,
            delay=None if delay is None else duration_of(delay, option="--delay"),
            priority=priority,
            concurrency_key=concurrency_key,
            concurrency_limit=concurrency_limit,
            webhook=webhook,
        )
    except ValueError as error:
        raise WrongUsage(str(error)) from None


def duration_of(text: str, *, option: str) -> timedelta:
    """Raises WrongUsage."""
    seconds = read(text)
    if seconds is None:
        raise WrongUsage(f"{option} must be a duration such as 30s, 10m, 2h or 1d, not {text!r}")
    return timedelta(seconds=seconds)


def _tags(pairs: Sequence[str]) -> dict[str, str]:
    tags = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise WrongUsage(f"--tag must be KEY=VALUE, not {pair!r}")
        tags[key] = value
    return tags
