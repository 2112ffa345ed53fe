"""What `-` stands for."""

from pathlib import Path

import pytest
from control_plane.cli.last_made import last_made, remember_made

_HERE, _THERE = "http://127.0.0.1:8000", "https://example.com"


def test_each_server_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert last_made(api_url=_HERE) == []
    remember_made(["bat-1"], api_url=_HERE)
    remember_made(["bat-1", "bat-2"], api_url=_HERE)  # as a run goes on
    remember_made(["inv-1"], api_url=_THERE)
    assert last_made(api_url=_HERE) == ["bat-1", "bat-2"]
    assert last_made(api_url=_THERE) == ["inv-1"]


@pytest.mark.parametrize("content", ["", "[]", '{"id": "inv-1", "api_url": "http://127.0.0.1:8000"}'])
def test_a_note_of_another_kind_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    remember_made(["inv-1"], api_url=_THERE)
    [note] = tmp_path.rglob("*.json")
    note.write_text(content)
    assert last_made(api_url=_HERE) == []
    remember_made(["inv-2"], api_url=_HERE)
    assert last_made(api_url=_HERE) == ["inv-2"]
