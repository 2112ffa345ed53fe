"""Lines of logs with the escape sequences of terminals."""

import pytest

from api.console.views.ansi import Span, plain, spans_of
from api.console.views.log_lines import line_of, matching
from control_plane_server.domain.containers import LogEntry, LogStream


@pytest.mark.parametrize(
    ("line", "spans"),
    [
        ("plain <b>", [("plain <b>", "")]),
        ("\x1b[31mred\x1b[0m.", [("red", "ansi-red"), (".", "")]),
        ("\x1b[1;92mok\x1b[22m!\x1b[39m?", [("ok", "ansi-bold ansi-green"), ("!", "ansi-green"), ("?", "")]),
        ("\x1b[4;3m\x1b[44mx", [("x", "ansi-underlined ansi-italic ansi-on-blue")]),
        ("\x1b[38;5;1mx\x1b[38;5;200my\x1b[38;2;1;2;3mz", [("x", "ansi-red"), ("y", ""), ("z", "")]),
        ("\x1b[mx\x1b[999;;mz", [("x", ""), ("z", "")]),
        ("\x1b[2K\x1b[10Gx\x1b]0;title\x07y\x1b(Bz", [("x", ""), ("y", ""), ("z", "")]),
        ("10%\r50%\r100%\r", [("100%", "")]),
        ("a\x00\x08b\tc\x9b", [("ab\tc", "")]),
        ("\x1b[31", [("31", "")]),
        ("", []),
    ],
)
def test_a_line(line: str, spans: list[tuple[str, str]]) -> None:
    assert spans_of(line) == tuple(Span(text=text, classes=classes) for text, classes in spans)


def test_a_line_of_a_log() -> None:
    line = line_of("x" * 5_000, 1_767_225_600_042, LogStream.STDERR)
    assert (line.clock, line.exact, line.is_error) == ("00:00:00.042", "2026-01-01 00:00:00.042 UTC", True)
    assert line.spans[0].text.endswith("… (1,000 characters more)")
    assert line_of("x", None, None).clock == ""


def test_a_search_looks_at_what_is_seen() -> None:
    entries = [LogEntry(line="\x1b[1mKey\x1b[0mError"), LogEntry(line="31"), LogEntry(line="\x1b[31mno")]
    assert matching(entries, "keyerror") == entries[:1]
    assert matching(entries, "31") == entries[1:2]
    assert plain("\x1b[1ma\x1b[0mb") == "ab"
