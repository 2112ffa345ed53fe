"""Files of environment variables: how lines are read, and which are refused."""

from pathlib import Path
from typing import Any

import pytest
from control_plane.access.errors import WrongUsage
from control_plane.deployment.env_files import read_env_file, with_environment

FILE = """\
# a comment
MODE=fast
export LEVEL = 3   # of three
EMPTY=

  URL=http://host/#fragment?a=b c
SINGLE='$HOME # "as it is" \\n'  # so
DOUBLE="two\\nlines, \\"quoted\\", \\$HOME and 5 $"
PRICE=5$
UMLAUT=ä
"""


def read(folder: Path, text: str) -> dict[str, str]:
    file = folder / ".env"
    file.write_text(text)
    return read_env_file(file)


def test_values(tmp_path: Path) -> None:
    assert read(tmp_path, FILE) == {
        "MODE": "fast",
        "LEVEL": "3",
        "EMPTY": "",
        "URL": "http://host/#fragment?a=b c",
        "SINGLE": '$HOME # "as it is" \\n',
        "DOUBLE": 'two\nlines, "quoted", $HOME and 5 $',
        "PRICE": "5$",
        "UMLAUT": "ä",
    }
    assert read(tmp_path, "A=1\u20282\x0c3\nB=2") == {"A": "1\u20282\x0c3", "B": "2"}
    assert read(tmp_path, "\ufeffA=1\r\nB=2\r\n") == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("A=1\nplanted", ":2: a line is NAME=value, or begins with #"),
        ("A-B=planted", ":1: what stands before = is no name of a variable"),
        ("A='planted", ":1: the value has no closing quote on its line, or something behind it"),
        ('A="planted" planted', ":1: the value has no closing quote on its line, or something behind it"),
        ("A=planted$B", ":1: the value names a variable, which is not replaced; put it in single quotes"),
        ('A="${planted}"', ":1: the value names a variable, which is not replaced; put it in single quotes"),
        ("A=1\nA=planted", ":2: the name is there twice; leave one out"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_by_its_number(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        read(tmp_path, text)
    assert str(caught.value) == f"{tmp_path}/.env{mistake}"


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="No such file"):
        read_env_file(tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"A=\xff")
    with pytest.raises(WrongUsage, match="no UTF-8 text"):
        read_env_file(tmp_path / "binary")


def test_what_a_function_declares_goes_before() -> None:
    functions: list[dict[str, Any]] = [
        {"function_name": "f", "environment": {"MODE": "slow"}, "secrets": {"URL": "url"}},
        {"function_name": "g"},
    ]
    environment = {"MODE": "fast", "URL": "http://", "LEVEL": "3"}
    assert [function["environment"] for function in with_environment(functions, environment)] == [
        {"MODE": "slow", "LEVEL": "3"},
        environment,
    ]
