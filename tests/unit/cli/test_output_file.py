"""The file that results are collected in, whenever its writer was killed."""

import json
from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.mapping.output_file import OutputFile, Work

_WORK = Work(project="p", function="p/f", inputs="digest")


def _line(position: int, batch_id: str = "bat-1", outcome: str = "SUCCEEDED") -> bytes:
    return json.dumps({"batch_id": batch_id, "position": position, "outcome": outcome}).encode()


def _write(file: OutputFile, position: int, batch_id: str = "bat-1") -> None:
    file.write(_line(position, batch_id), batch_id=batch_id, position=position, outcome="SUCCEEDED")


def test_what_was_stopped_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with OutputFile(path, _WORK) as file:
        run = file.run
        _write(file, 1)
        _write(file, 2)
        _write(file, 1, "bat-2")
    path.write_bytes(path.read_bytes() + _line(2, "bat-2")[:-5])  # killed in the middle of a line
    with OutputFile(path, _WORK) as file:
        assert file.run == run
        assert file.positions == {"bat-1": 2, "bat-2": 1}
        assert file.outcomes == {"SUCCEEDED": 3}
        _write(file, 2, "bat-2")
        file.finish()
    assert path.read_bytes().splitlines() == [_line(1), _line(2), _line(1, "bat-2"), _line(2, "bat-2")]
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.jsonl"]


def test_a_file_of_other_work_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with OutputFile(path, _WORK):
        pass
    with pytest.raises(WrongUsage, match="of other inputs"), OutputFile(path, Work(**{**_WORK_FIELDS, "inputs": "?"})):
        pass
    other = tmp_path / "mine.txt"
    other.write_text("mine\n")
    with pytest.raises(WrongUsage, match="exists; name another file"), OutputFile(other, _WORK):
        pass
    assert other.read_text() == "mine\n"
    assert not (tmp_path / "mine.txt.map").exists()


def test_a_note_that_was_never_written_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    (tmp_path / "results.jsonl.map").write_text('{"run": ')
    with OutputFile(path, _WORK) as file:
        assert len(file.run) == 32


def test_two_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with OutputFile(path, _WORK), pytest.raises(CannotBeDone, match="another command is writing"):
        OutputFile(path, _WORK).__enter__()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CannotBeDone, match="cannot be written: No such file or directory"):
        OutputFile(tmp_path / "nowhere" / "results.jsonl", _WORK).__enter__()


_WORK_FIELDS = {"project": "p", "function": "p/f", "inputs": "digest"}


@pytest.mark.parametrize("name", ["-", "/dev/null"])
def test_what_is_no_file_is_refused_and_nothing_is_left_beside_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongUsage, match="--output must be a file"), OutputFile(Path(name), _WORK):
        pass
    assert not list(tmp_path.iterdir())
    assert not Path("/dev/null.map").exists()
