"""Snapshots of folders: the same content is the same snapshot, and it stays as it is."""

import itertools
import os
from pathlib import Path

import pytest

from cli.deployment.snapshots import FolderChanges, Interrupted, remove_snapshots, take_snapshot


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


@pytest.mark.parametrize("text", ["{folder}/main.py", "../folder/main.py", "package/../main.py"])
def test_links_within_the_folder_lead_to_the_copy(folder: Path, root: Path, text: str) -> None:
    (folder / "package" / "link").symlink_to(text.format(folder=folder))
    (folder / "link").symlink_to(text.format(folder=folder))
    snapshot = take_snapshot(folder, root, project="p")
    (folder / "main.py").write_text("changed")
    assert (snapshot / "link").read_text() == "one"


def test_links_into_the_virtual_environment_go_on_leading_there(folder: Path, root: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / "tool").symlink_to(".venv/bin")
    assert (take_snapshot(folder, root, project="p") / "tool").readlink() == folder / ".venv" / "bin"


@pytest.mark.parametrize("text", ["circle", "{folder}/circle"])
def test_a_circle_is_copied_as_it_is(folder: Path, root: Path, text: str) -> None:
    (folder / "circle").symlink_to(text.format(folder=folder))
    assert (take_snapshot(folder, root, project="p") / "circle").is_symlink()


def test_sockets_and_the_like_are_left_out_and_told(folder: Path, root: Path) -> None:
    os.mkfifo(folder / "pipe")
    told: list[str] = []
    snapshot = take_snapshot(folder, root, project="p", report=told.append)
    assert not (snapshot / "pipe").exists()
    assert told == ["pipe is no file, folder or link; it is left out of the copy"]


def test_the_place_of_snapshots_and_a_stacks_data_are_left_out(folder: Path) -> None:
    (folder / "data" / "postgres").mkdir(parents=True)
    (folder / "package" / ".control-plane").mkdir()
    snapshot = take_snapshot(folder, folder / "data" / "images", project="p")
    assert sorted(path.name for path in snapshot.rglob("*")) == ["main.py", "module.py", "package"]
    assert take_snapshot(folder, folder / "data" / "images", project="p") == snapshot


@pytest.mark.parametrize("change", ["write", "add", "remove"])
def test_a_folder_that_changes_is_copied_again_and_at_last_given_up(folder: Path, root: Path, change: str) -> None:
    turn = itertools.count()

    def touch() -> bool:
        path = folder / f"new-{next(turn)}"
        match change:
            case "write":
                (folder / "main.py").write_text(path.name)
            case "add":
                path.touch()
            case "remove":
                (folder / f"old-{path.name}").unlink(missing_ok=True)
        return False

    for number in range(100):
        (folder / f"old-new-{number}").touch()
    with pytest.raises(FolderChanges):
        take_snapshot(folder, root, project="p", is_interrupted=touch)
    assert list((root / "p").iterdir()) == []


def test_one_change_is_no_failure(folder: Path, root: Path) -> None:
    changes = iter(["changed"])

    def touch() -> bool:
        for text in changes:
            (folder / "main.py").write_text(text)
        return False

    assert (take_snapshot(folder, root, project="p", is_interrupted=touch) / "main.py").read_text() == "changed"


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
