"""The inputs of many calls, of which none is sent if one of them is wrong."""

from pathlib import Path
from typing import Any

import pytest
from control_plane.access.errors import WrongUsage
from control_plane.cli.mapping.inputs import InputLines

_SIGNATURE: dict[str, Any] = {
    "type": "object",
    "properties": {"number": {"type": "integer"}},
    "required": ["number"],
    "additionalProperties": False,
    "x-positional": ["number"],
}


def _lines(folder: Path, text: str) -> InputLines:
    (folder / "inputs.jsonl").write_text(text)
    return InputLines(f"@{folder / 'inputs.jsonl'}")


def _check(lines: InputLines, *, is_command: bool = False, signature: dict[str, Any] | None = None) -> int:
    return lines.check(is_command=is_command, signature=signature, function="f")


def test_lines_are_inputs_as_they_are_written(tmp_path: Path) -> None:
    with _lines(tmp_path, '{"number":  1}\r\n\n[2]\n3') as lines:
        assert _check(lines, signature=_SIGNATURE) == 3
        assert list(lines) == list(lines) == ['{"number":  1}', "[2]", "3"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{number: 1}", r"line 2 of .*inputs\.jsonl: it is no JSON \("),
        ('{"nummer": 1}', "line 2 of .*: f.. has no argument 'nummer'"),
        ('["one"]', "line 2 of .*must be integer"),
        ('"' + "x" * 249_999 + '"', "line 2 of .*it has 250,001 characters"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    with _lines(tmp_path, f"[1]\n{line}\n") as lines, pytest.raises(WrongUsage, match=said):
        _check(lines, signature=_SIGNATURE)


def test_a_command_takes_any_text(tmp_path: Path) -> None:
    with _lines(tmp_path, "no JSON\n") as lines:
        assert _check(lines, is_command=True) == 1


def test_sources_that_are_none(tmp_path: Path) -> None:
    with _lines(tmp_path, "\n\n") as lines, pytest.raises(WrongUsage, match="holds no input"):
        _check(lines)
    with pytest.raises(WrongUsage, match="must be @FILE"):
        InputLines("inputs.jsonl")
    with pytest.raises(WrongUsage, match="cannot be read: No such file"):
        InputLines(f"@{tmp_path / 'nowhere'}")


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    with _lines(tmp_path, "1\n") as one, _lines(tmp_path, "2\n") as other:
        assert one.digest != other.digest
    with _lines(tmp_path, "1\n") as again:
        assert again.digest == one.digest


def test_the_mark_with_which_some_editors_begin_a_file_is_no_input(tmp_path: Path) -> None:
    with _lines(tmp_path, "\ufeff1\n2\n") as lines:
        assert _check(lines, signature=_SIGNATURE) == 2
        assert list(lines) == ["1", "2"]
