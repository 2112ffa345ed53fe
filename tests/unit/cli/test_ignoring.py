"""What a folder's ignore files leave out, and what is told of the rest."""

import os
from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.deployment.folders import ensure_parts
from control_plane.deployment.ignoring import Ignored
from control_plane.deployment.notable_files import is_secret, warnings
from control_plane.deployment.snapshots import take_snapshot


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    _write(path, main_dot_py="", data__big_dot_csv="x", package__a_dot_log="x", package__keep_dot_log="x")
    return path


def _names(snapshot: Path) -> list[str]:
    return sorted(
        str(path.relative_to(snapshot)) for path in snapshot.rglob("*") if path.is_symlink() or not path.is_dir()
    )


def test_gitignores_are_honoured_the_nearest_first(folder: Path, tmp_path: Path) -> None:
    _write(folder, _dot_gitignore="/data/\n*.log\n.venv\n", package___dot_gitignore="!keep.log\n")
    (folder / ".venv").mkdir()
    told: list[str] = []
    snapshot = take_snapshot(folder, tmp_path / "root", project="p", report=told.append)
    assert _names(snapshot) == [".gitignore", ".venv", "main.py", "package/.gitignore", "package/keep.log"]
    assert told == ["left out, as .gitignore says (.controlplaneignore counts instead): data/, package/a.log"]


def test_ours_counts_alone(folder: Path, tmp_path: Path) -> None:
    _write(folder, _dot_gitignore="main.py\n", _dot_controlplaneignore="*.csv\n")
    snapshot = take_snapshot(folder, tmp_path / "root", project="p")
    assert "main.py" in _names(snapshot)
    assert "data/big.csv" not in _names(snapshot)


def test_a_link_to_what_is_left_out_goes_on_leading_there(folder: Path, tmp_path: Path) -> None:
    _write(folder, _dot_gitignore="/data/\n")
    (folder / "link").symlink_to("data/big.csv")
    snapshot = take_snapshot(folder, tmp_path / "root", project="p")
    assert os.readlink(snapshot / "link") == str(folder / "data" / "big.csv")


def test_a_folder_that_is_left_out_covers_what_is_in_it(folder: Path) -> None:
    _write(folder, _dot_gitignore="package/\n")
    assert Ignored(folder).covers(folder / "package" / "keep.log")
    assert not Ignored(folder).covers(folder / "main.py")


def test_what_is_kept_of_a_folder_whose_content_is_left_out(folder: Path, tmp_path: Path) -> None:
    _write(folder, _dot_gitignore="data/**\n!data/keep.csv\n!data/kept/\n", data__keep_dot_csv="x", data__sub__a="x")
    _write(folder, data__kept__a="x", data__kept__keep_dot_csv="x")
    snapshot = take_snapshot(folder, tmp_path / "root", project="p")
    assert [name for name in _names(snapshot) if name.startswith("data/")] == ["data/keep.csv"]
    assert Ignored(folder).covers(folder / "data" / "sub")
    assert not Ignored(folder).covers(folder / "data")


def test_what_was_imported_is_not_left_out(folder: Path) -> None:
    _write(folder, _dot_gitignore="lib/\n", lib__helpers_dot_py="")
    ensure_parts(folder, [Path("main.py")])
    with pytest.raises(CannotBeDone, match=r"^lib/helpers\.py: imported, but left out, as \.gitignore says; "):
        ensure_parts(folder, [Path("main.py"), Path("lib/helpers.py")])


def test_a_line_that_is_no_pattern_is_told(folder: Path) -> None:
    _write(folder, _dot_gitignore="!\n")
    with pytest.raises(CannotBeDone, match=r"\.gitignore cannot be read: Invalid git pattern"):
        Ignored(folder).covers(folder / "main.py")


def test_what_is_large_or_looks_secret_is_named() -> None:
    files = {Path("main.py"): 100, Path("model.bin"): 73_000_000, **{Path(f"{number}.pem"): 1 for number in range(7)}}
    assert list(warnings(files)) == [
        "large, and copied with each deployment: model.bin (73 MB); .controlplaneignore may name what is not needed",
        "these look like secrets, and go along: 0.pem, 1.pem, 2.pem, 3.pem, 4.pem and 2 more; "
        ".controlplaneignore may name what is not to",
    ]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [(".env", True), (".env.local", True), ("id_rsa", True), ("id_rsa.pub", False), (".env.example", False)],
)
def test_names_of_secrets(name: str, is_one: bool) -> None:
    assert is_secret(name) is is_one
