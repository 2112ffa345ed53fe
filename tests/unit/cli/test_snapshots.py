"""Snapshots of folders: the same content is the same snapshot, and it stays as it is."""

import os
from pathlib import Path

import pytest

from cli.deployment.snapshots import FolderChanged, Interrupted, remove_snapshots, take_snapshot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    (path / "package").mkdir(parents=True)
    (path / "main.py").write_text("one")
    (path / "package" / "module.py").write_text("two")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


def test_content_is_copied_and_stays(folder: Path, root: Path) -> None:
    before = take_snapshot(folder, root, project="p")
    (folder / "main.py").write_text("changed")
    after = take_snapshot(folder, root, project="p")
    assert (before / "main.py").read_text() == "one"
    assert (after / "main.py").read_text() == "changed"
    assert (before / "package" / "module.py").read_text() == "two"


def test_the_same_content_is_the_same_snapshot(folder: Path, root: Path, tmp_path: Path) -> None:
    first = take_snapshot(folder, root, project="p")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "main.pyc").touch()
    (folder / ".git").mkdir()
    os.utime(folder / "main.py", (0, 0))
    assert take_snapshot(folder, root, project="p") == first
    assert sorted(path.name for path in first.iterdir()) == ["main.py", "package"]
    assert list(first.parent.iterdir()) == [first]  # no drafts


@pytest.mark.parametrize("change", ["rename", "mode", "move", "link"])
def test_other_content_is_another_snapshot(folder: Path, root: Path, change: str) -> None:
    first = take_snapshot(folder, root, project="p")
    match change:
        case "rename":
            (folder / "main.py").rename(folder / "other.py")
        case "mode":
            (folder / "main.py").chmod(0o755)
        case "move":
            (folder / "package" / "module.py").rename(folder / "module.py")
        case "link":
            (folder / "link").symlink_to("main.py")
    assert take_snapshot(folder, root, project="p") != first


def test_virtual_environment_is_linked(folder: Path, root: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    snapshot = take_snapshot(folder, root, project="p")
    assert (snapshot / ".venv").readlink() == folder / ".venv"


def test_links_lead_where_they_led(folder: Path, root: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("outside")
    (folder / "outside").symlink_to("../data.csv")
    (folder / "inside").symlink_to("main.py")
    snapshot = take_snapshot(folder, root, project="p")
    assert (snapshot / "outside").read_text() == "outside"
    assert (snapshot / "inside").readlink() == Path("main.py")


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("{folder}/main.py", "../main.py"),
        ("../../folder/main.py", "../main.py"),  # by the folder's own name, which the copy does not have
        ("../package/other", "../main.py"),  # another link
        ("..", ".."),
        ("../nowhere", "../nowhere"),
        ("again", "again"),  # a circle
    ],
)
def test_links_within_the_folder_stay_within_the_copy(folder: Path, root: Path, text: str, copied: str) -> None:
    (folder / "package" / "other").symlink_to(folder / "main.py")
    (folder / "package" / "again").symlink_to(text.format(folder=folder))
    snapshot = take_snapshot(folder, root, project="p")
    assert os.readlink(snapshot / "package" / "again") == copied


def test_sockets_and_the_like_are_left_out_and_told(folder: Path, root: Path) -> None:
    os.mkfifo(folder / "pipe")
    told: list[str] = []
    assert not (take_snapshot(folder, root, project="p", tell=told.append) / "pipe").exists()
    assert told == ["pipe is left out: it is no file, folder or link"]


def test_the_data_of_the_stack_is_left_out_of_the_folder_that_it_is_in(folder: Path) -> None:
    root = folder / "stack" / "images"
    first = take_snapshot(folder, root, project="p")
    (folder / "stack" / "temporal.db").write_text("changes all the time")
    assert take_snapshot(folder, root, project="p") == first
    assert sorted(path.name for path in first.iterdir()) == ["main.py", "package"]


@pytest.mark.parametrize(
    ("change", "name"), [("content", "main.py"), ("new", "package/late.py"), ("gone", "package/module.py")]
)
def test_a_folder_that_changes_meanwhile_is_no_snapshot(folder: Path, root: Path, change: str, name: str) -> None:
    def interfere() -> bool:
        match change if moments.pop() else None:
            case "content":
                (folder / "main.py").write_text("longer than before")
            case "new":
                (folder / "package" / "late.py").touch()
            case "gone":
                (folder / "package" / "module.py").unlink()
        moments.append(False)
        return False

    moments = [True]
    with pytest.raises(FolderChanged, match=name):
        take_snapshot(folder, root, project="p", is_interrupted=interfere)
    assert list((root / "p").iterdir()) == []


@pytest.mark.parametrize("project", ["..", "a b", "ü", "%2E"])
def test_whatever_a_project_is_called(folder: Path, root: Path, project: str) -> None:
    other = take_snapshot(folder, root, project="other")
    snapshot = take_snapshot(folder, root, project=project)
    assert snapshot.parent.parent == root
    remove_snapshots(root, project=project)
    assert not snapshot.exists()
    assert other.exists()


def test_an_interruption_within_a_file_leaves_nothing_behind(folder: Path, root: Path) -> None:
    with (folder / "large").open("wb") as large:
        large.truncate(100 * 1024 * 1024)
    looks = iter([*[False] * 20, True])
    with pytest.raises(Interrupted):
        take_snapshot(folder, root, project="p", is_interrupted=lambda: next(looks))
    assert list((root / "p").iterdir()) == []


def test_what_is_left_of_an_interrupted_removal_is_removed_with_the_next(folder: Path, root: Path) -> None:
    take_snapshot(folder, root, project="p").parent.rename(root / ".removed-1")
    remove_snapshots(root, project="p")
    assert list(root.iterdir()) == []
