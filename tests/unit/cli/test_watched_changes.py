"""Which changes call for a deployment."""

import os
from pathlib import Path

import pytest
from watchfiles import Change

from control_plane_server.cli.stack.watched_changes import ReadingTime, Relevant


@pytest.mark.parametrize(
    ("path", "is_relevant"),
    [
        ("main.py", True),
        ("data/rows.csv", True),
        ("stack/postgres/base/1", False),
        ("main.py~", False),
        (".main.py.swp", False),
        (".idea/workspace.xml", False),
        (".venv/bin/python", False),
        ("package/__pycache__/a.pyc", False),
        ("left-out/a", False),
        ("../elsewhere", False),
        (".", False),
    ],
)
def test_what_is_part_of_a_deployment(tmp_path: Path, path: str, is_relevant: bool) -> None:
    folder = tmp_path / ".git" / "folder"  # what is above it does not matter
    folder.mkdir(parents=True)
    (folder / ".gitignore").write_text("left-out/\n")
    (folder / "left-out").mkdir()
    relevant = Relevant(folder, data_dir=folder / "stack")
    assert relevant(Change.modified, os.path.normpath(folder / path)) is is_relevant


def test_what_a_module_writes_when_it_is_read_is_deployed_once_more_and_not_for_ever(tmp_path: Path) -> None:
    reading, log, main = ReadingTime(), tmp_path / "log", tmp_path / "main.py"

    def read(*written: Path) -> None:
        reading.begin()
        for path in written:
            path.write_text("")
        reading.end()
        reading.end()  # also after what follows the reading

    read(log)
    assert reading.counts({log})
    read(log)
    assert not reading.counts({log})
    os.utime(main.parent, (0, 0))
    assert not reading.counts(set())
    # Of code, three times: it is read for long, and edited meanwhile.
    read(main)
    answers = []
    for _ in range(3):
        read(main)
        answers.append(reading.counts({main}))
    assert answers == [True, False, False]


def test_an_edit_counts_always(tmp_path: Path) -> None:
    reading, log, main = ReadingTime(), tmp_path / "log", tmp_path / "main.py"
    main.write_text("")
    for _ in range(5):
        reading.begin()
        log.write_text("")
        reading.end()
        os.utime(main)
        while main.stat().st_ctime <= (reading._ended or 0):  # the clock of files is coarse
            os.utime(main)
        assert reading.counts({log, main})
