"""Markers in lines: found wherever they are, and known by any beginning of theirs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.domain.log_markers import MarkedLaunch, MarkedText, Marker, MarkerKind, first_marker

MARKERS = st.builds(
    Marker,
    st.builds(
        MarkedLaunch, st.from_regex(r"exe-[0-9a-f]{32}", fullmatch=True).map(ExecutionId), st.integers(1, 999_999_999)
    ),
    st.sampled_from(MarkerKind),
)
TEXTS = st.text(st.characters(exclude_characters="\r\n\x1e", exclude_categories=["Cs"]), max_size=40)


def test_the_text_of_a_marker_is_the_protocols() -> None:
    marker = Marker(MarkedLaunch(ExecutionId("exe-" + "0a" * 16), 1), MarkerKind.BEGIN)
    execution = "exe-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
    assert str(marker) == f'\x1e{{"control_plane_execution": "{execution}", "launch": 1, "at": "begin"}}'


@given(before=TEXTS, marker=MARKERS, after=TEXTS)
def test_a_marker_is_taken_out_of_its_line(before: str, marker: Marker, after: str) -> None:
    assert first_marker(f"{before}{marker}{after}") == MarkedText(before, marker, after)


@given(before=TEXTS, marker=MARKERS, data=st.data())
def test_any_beginning_of_a_marker_is_seen(before: str, marker: Marker, data: st.DataObject) -> None:
    piece = str(marker)[: data.draw(st.integers(1, len(str(marker)) - 1))]
    assert first_marker(before + piece) == MarkedText(before, unfinished=piece)


@pytest.mark.parametrize("text", ["", "plain", "\x1eplain", '\x1e{"control_plane_execution": "x"', "\x1e{} more"])
def test_other_texts_are_lines(text: str) -> None:
    assert first_marker(text) == MarkedText(text)
