"""Lines of a log as a page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from api.console.views.ansi import Span, plain, spans_of
from api.console.views.json_trees import shortened
from control_plane_server.domain.containers import LogEntry, LogStream

_LONGEST_LINE = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """`clock`: the time of day in UTC, empty if it is not known; `exact`: with the date."""

    clock: str
    exact: str
    is_error: bool
    spans: tuple[Span, ...]


def line_of(line: str, time_ms: int | None, stream: LogStream | None) -> LogLine:
    """`time_ms`: in milliseconds since 1970."""
    time = None if time_ms is None else datetime.fromtimestamp(time_ms / 1_000, UTC)
    return LogLine(
        clock="" if time is None else f"{time:%H:%M:%S}.{time.microsecond // 1_000:03}",
        exact="" if time is None else f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1_000:03} UTC",
        is_error=stream is LogStream.STDERR,
        spans=spans_of(shortened(line, _LONGEST_LINE)),
    )


def lines_of(entries: Iterable[LogEntry]) -> list[LogLine]:
    return [line_of(entry.line, entry.time_ms, entry.stream) for entry in entries]


def matching(entries: Iterable[LogEntry], wanted: str) -> list[LogEntry]:
    """Those whose text has these characters, large or small."""
    sought = wanted.casefold()
    return [entry for entry in entries if sought in plain(entry.line).casefold()]
