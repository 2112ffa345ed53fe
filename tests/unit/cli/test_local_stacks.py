"""Stacks of a machine are found by whatever path, and once."""

import json
import os
from pathlib import Path

import pytest
from control_plane.access.choices import Choice, choose
from control_plane.access.local_stacks import access_file, holder_file, note_stack, running_stacks, stack_on
from control_plane.access.resolution import goes_before_login
from control_plane.cli.default_project import default_project
from control_plane.cli.verbs.use import _meant
from control_plane.machine.processes import process_of
from control_plane.machine.records import write_record

_URL = "http://127.0.0.1:8123"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a stack that this process holds."""
    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.delenv("CONTROL_PLANE_API_URL", raising=False)
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    this = process_of(os.getpid())
    assert this is not None
    write_record(holder_file(data), this)
    access = {
        "pid": os.getpid(),
        "api_url": _URL,
        "api_key": "key",
        "temporal_address": "",
        "temporal_namespace": "",
        "web_ui_url": None,
        "provisioner": "process",
    }
    access_file(data).write_text(json.dumps(access))
    return data


def test_each_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "within").mkdir()
    monkeypatch.chdir(tmp_path / "within")
    for path in (folder, Path("../data"), tmp_path / "within/../data", tmp_path / "link"):
        note_stack(path)
    assert [stack.folder for stack in running_stacks()] == [folder.resolve()]
    for text in ("../data", str(tmp_path / "link"), _URL, "8123"):
        assert _meant(text).folder == folder.resolve()
    assert stack_on(Path("~nobody-of-this-name")) is None


def test_what_goes_before_a_login_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert goes_before_login("https://example.com") is None
    choose(Choice(data_dir=str(folder)))
    line = goes_before_login("https://example.com")
    assert line is not None
    assert line.endswith("control-plane use --forget")
    assert goes_before_login(_URL) is None
    monkeypatch.setenv("CONTROL_PLANE_API_URL", "https://example.org/")
    line = goes_before_login("https://example.com")
    assert line is not None
    assert line.startswith("CONTROL_PLANE_API_URL goes before it")


async def test_a_folder_that_is_gone_is_no_project(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert await default_project(None) is None  # type: ignore[arg-type]  # which is not asked for it
