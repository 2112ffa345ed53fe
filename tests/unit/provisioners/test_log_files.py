"""Pages of a log file."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane_server.domain.containers import LogEntry, LogPage, LogStart, LogStream
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.provisioners.process import log_files
from control_plane_server.provisioners.process.log_files import read_page
from control_plane_server.provisioners.process.log_times import LogPart, times_file_of

LINES = st.lists(
    st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=200), max_size=30
)


@given(lines=LINES, max_lines=st.integers(1, 7), has_end=st.booleans())
def test_pages_together_are_the_log(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], max_lines: int, has_end: bool
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_bytes("\n".join(lines).encode() + (b"\n" if has_end and lines else b""))
    seen: list[str] = []
    offset: str | None = None
    while (page := read_page(log, offset, max_lines=max_lines, is_complete=True)).lines:
        assert len(page.lines) <= max_lines
        seen += page.lines
        offset = page.next_offset
    expected = lines if has_end or not lines or lines[-1] else lines[:-1]
    assert seen == expected


def test_an_unfinished_line_is_shown_and_its_rest_is_another(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\nPassword? ")
    page = read_page(log, None, max_lines=10, is_complete=False)
    assert (page.lines, page.next_offset) == (("one", "Password? "), "14")
    assert read_page(log, page.next_offset, max_lines=10, is_complete=False) == LogPage(entries=(), next_offset="14")
    log.write_bytes(b"one\nPassword? accepted\n")
    page = read_page(log, page.next_offset, max_lines=10, is_complete=False)
    assert (page.lines, page.next_offset) == (("accepted",), "23")


def test_a_line_whose_end_comes_a_moment_later_is_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"wor")

    def write_the_rest(_seconds: float) -> None:
        log.write_bytes(b"words\n")

    page = read_page(log, None, max_lines=10, is_complete=False, pause=write_the_rest)
    assert (page.lines, page.next_offset) == (("words",), "6")


def test_an_unfinished_line_ends_with_a_whole_character(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes("50 € and €".encode()[:-1])
    page = read_page(log, None, max_lines=10, is_complete=False)
    assert page.lines == ("50 € and ",)
    log.write_bytes("50 € and €".encode())
    assert read_page(log, page.next_offset, max_lines=10, is_complete=False).lines == ("€",)


def test_what_a_progress_bar_overwrites_are_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\r 10 %\r 20 %\r\r 30 %")
    page = read_page(log, None, max_lines=10, is_complete=False)
    assert page.lines == (" 10 %", " 20 %", " 30 %")
    log.write_bytes(b"\r 10 %\r 20 %\r\r 30 %\r 40 %\r\n\r\ndone\r\n")
    assert read_page(log, page.next_offset, max_lines=10, is_complete=False).lines == (" 40 %", "", "done")


def test_an_end_of_two_characters_is_one_though_a_page_ends_between(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\r")
    page = read_page(log, None, max_lines=10, is_complete=False)
    assert page.lines == ("one",)
    log.write_bytes(b"one\r\ntwo\n")
    assert read_page(log, page.next_offset, max_lines=10, is_complete=False).lines == ("two",)


@given(
    st.binary(max_size=300).map(lambda content: content.replace(b"\0", b"")), st.lists(st.integers(0, 300), max_size=8)
)
def test_each_piece_comes_once_however_often_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cuts: list[int]
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    seen, offset = "", None
    for cut in [*sorted(cuts), len(content)]:
        log.write_bytes(content[:cut])
        is_complete = cut >= len(content)
        while (page := read_page(log, offset, max_lines=3, is_complete=is_complete, pause=at_once)).lines:
            seen += "".join(page.lines)
            offset = page.next_offset
    # Line by line: what one line ends with and what the next begins with is no character together.
    expected = "".join(line.decode(errors="replace") for line in re.split(rb"[\r\n]", content))
    assert seen.replace("\ufffd", "") == expected.replace("\ufffd", "")


def at_once(_seconds: float) -> None:
    """Nobody writes the rest of a line meanwhile."""


def test_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    assert read_page(tmp_path / "log", None, max_lines=10, is_complete=False) == LogPage(entries=(), next_offset=None)


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_very_long_line_comes_in_pieces_of_whole_characters(tmp_path: Path, is_complete: bool) -> None:
    log = tmp_path / "log"
    text = "x" + "ß" * 100_000
    log.write_text(text + "\nend\n")
    lines = read_page(log, None, max_lines=10, is_complete=is_complete).lines
    assert len(lines) == 5
    assert "".join(lines[:-1]) == text
    assert lines[-1] == "end"


def test_what_is_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\0b\xff\n")
    assert read_page(log, None, max_lines=10, is_complete=True).lines == ("ab\ufffd",)


@pytest.mark.parametrize("offset", ["", "x", "-1", "1.5", " 1", "5", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 5_000])
def test_offsets_that_are_not_ours(tmp_path: Path, offset: str) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\n")
    with pytest.raises(OffsetIsInvalid):
        read_page(log, offset, max_lines=10, is_complete=True)


@given(lines=LINES, tail=st.integers(1, 12), end=st.sampled_from(["\n", "\r\n"]), block=st.integers(1, 40))
def test_the_last_lines_are_found_from_the_end(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], tail: int, end: str, block: int
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_bytes("".join(line + end for line in lines).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_files, "_BLOCK", block)
        page = read_page(log, None, max_lines=100, is_complete=True, start=LogStart(tail=tail))
    assert list(page.lines) == lines[-tail:]
    assert page.next_offset == str(log.stat().st_size)


def test_the_last_lines_of_a_long_log_are_read_without_the_rest(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.seek(1_000_000_000)  # takes no place on the disk
        file.write(b"\none\ntwo\nthree")
    page = read_page(log, None, max_lines=10, is_complete=True, start=LogStart(tail=2))
    assert page.lines == ("two", "three")


def written_log(folder: Path) -> Path:
    """Four lines, the third in two pieces."""
    log = folder / "log"
    log.write_bytes(b"one\ntwo\nthree, in two\nfour\n")
    parts = (
        LogPart(0, 1_000, LogStream.STDOUT),
        LogPart(4, 2_500, LogStream.STDERR),
        LogPart(16, 4_000, LogStream.STDOUT),
    )
    times_file_of(log).write_bytes(b"".join(part.to_bytes() for part in parts))
    return log


def test_each_line_has_the_time_and_the_stream_of_its_part(tmp_path: Path) -> None:
    page = read_page(written_log(tmp_path), None, max_lines=10, is_complete=True)
    assert page.entries == (
        LogEntry(line="one", time_ms=1_000, stream=LogStream.STDOUT),
        LogEntry(line="two", time_ms=2_500, stream=LogStream.STDERR),
        LogEntry(line="three, in two", time_ms=2_500, stream=LogStream.STDERR),
        LogEntry(line="four", time_ms=4_000, stream=LogStream.STDOUT),
    )


@pytest.mark.parametrize(
    ("since_ms", "expected"),
    [
        (0, ("one", "two", "three, in two", "four")),
        (1_001, ("two", "three, in two", "four")),
        (2_501, ("four",)),
        (4_001, ()),
    ],
)
def test_lines_since_a_time_begin_with_a_whole_line(tmp_path: Path, since_ms: int, expected: tuple[str, ...]) -> None:
    log = written_log(tmp_path)
    page = read_page(log, None, max_lines=10, is_complete=True, start=LogStart(since_ms=since_ms))
    assert page.lines == expected
    last = read_page(log, None, max_lines=10, is_complete=True, start=LogStart(since_ms=since_ms, tail=1))
    assert last.lines == expected[-1:]


def since_the_second_part(log: Path, content: bytes, position: int) -> tuple[str, ...]:
    log.write_bytes(content)
    parts = (LogPart(0, 1_000, LogStream.STDOUT), LogPart(position, 2_000, LogStream.STDOUT))
    times_file_of(log).write_bytes(b"".join(part.to_bytes() for part in parts))
    return read_page(log, None, max_lines=100, is_complete=True, start=LogStart(since_ms=2_000)).lines


@pytest.mark.parametrize(
    ("content", "position", "expected"),
    [
        (b" 10 %\r 20 %\r 30 %\r 40 %\n", 8, (" 30 %", " 40 %")),  # in the middle of " 20 %"
        (b"one\r\ntwo\r\n", 4, ("two",)),  # between the halves of an end
        (b"one\r\n\r\ntwo\r\n", 5, ("", "two")),
        (b"one\ntwo, unfinished", 10, ("nfinished",)),
    ],
)
def test_lines_since_a_time_begin_after_whatever_ends_a_line(
    tmp_path: Path, content: bytes, position: int, expected: tuple[str, ...]
) -> None:
    assert since_the_second_part(tmp_path / "log", content, position) == expected


def test_the_end_of_a_very_long_line_is_not_looked_for(tmp_path: Path) -> None:
    content = b"x" * 100_000 + b"\nend\n"
    pieces = since_the_second_part(tmp_path / "log", content, 10)
    assert "".join(pieces[:-1]) == "x" * 99_990
    assert pieces[-1] == "end"


def test_a_log_without_times_is_read_all_the_same(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\n")
    page = read_page(log, None, max_lines=10, is_complete=True, start=LogStart(since_ms=5))
    assert page.entries == (LogEntry(line="one"),)
