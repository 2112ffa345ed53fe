"""Snapshots of folders: the same content is the same snapshot, and it stays as it is."""

import os
import shutil
import stat
from itertools import count
from pathlib import Path

import pytest
from control_plane.deployment.snapshots import FolderChanges, Interrupted, remove_snapshots, take_snapshot


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


@pytest.mark.parametrize("way", ["{folder}/main.py", "../../folder/main.py", "{alias}/main.py", "../again"])
def test_links_into_the_folder_lead_into_the_copy(folder: Path, root: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "alias").symlink_to(folder)
    (folder / "again").symlink_to(folder / "main.py")
    (folder / "package" / "link").symlink_to(way.format(folder=folder, alias=tmp_path / "alias"))
    snapshot = take_snapshot(folder, root, project="p")
    (folder / "main.py").write_text("changed")
    assert (snapshot / "package" / "link").read_text() == "one"


@pytest.mark.parametrize("part", [".venv", ".git"])
def test_links_to_what_is_not_copied_go_on_leading_there(folder: Path, root: Path, part: str) -> None:
    (folder / part).mkdir()
    (folder / part / "file").write_text("there")
    (folder / "link").symlink_to(f"{part}/file")
    assert (take_snapshot(folder, root, project="p") / "link").readlink() == folder / part / "file"


@pytest.mark.parametrize("leads_to", ["loop", "nowhere", "../folder/loop", "."])
def test_links_that_lead_nowhere_or_in_a_circle_are_kept(folder: Path, root: Path, leads_to: str) -> None:
    (folder / "loop").symlink_to(leads_to)
    assert (take_snapshot(folder, root, project="p") / "loop").is_symlink()


def test_what_is_no_file_is_left_out_and_named(folder: Path, root: Path) -> None:
    os.mkfifo(folder / "pipe")
    os.mknod(folder / "socket", stat.S_IFSOCK | 0o600)
    lines: list[str] = []
    snapshot = take_snapshot(folder, root, project="p", report=lines.append)
    assert sorted(path.name for path in snapshot.iterdir()) == ["main.py", "package"]
    assert lines == [f"{folder}/pipe is a FIFO, and left out", f"{folder}/socket is a socket, and left out"]


def test_snapshots_within_the_folder_are_not_copied(folder: Path) -> None:
    for root in (folder / "images", folder / ".control-plane" / "images"):
        first = take_snapshot(folder, root, project="p")
        assert take_snapshot(folder, root, project="p") == first
        assert sorted(path.name for path in first.iterdir()) == ["main.py", "package"]
        shutil.rmtree(root)


def test_the_data_of_a_stack_within_the_folder_are_not_copied(folder: Path) -> None:
    root = folder / "stack" / "images"
    first = take_snapshot(folder, root, project="p")
    (folder / "stack" / "api-key").write_text("secret")
    assert take_snapshot(folder, root, project="p") == first
    assert sorted(path.name for path in first.iterdir()) == ["main.py", "package"]


def test_a_folder_that_changes_once_is_copied_as_it_is_then(folder: Path, root: Path) -> None:
    asked = iter([False, True])

    def change_once() -> bool:
        if next(asked, False):
            (folder / "main.py").write_text("changed")
        return False

    snapshot = take_snapshot(folder, root, project="p", is_interrupted=change_once)
    assert (snapshot / "main.py").read_text() == "changed"
    assert list(snapshot.parent.iterdir()) == [snapshot]


@pytest.mark.parametrize("change", ["write", "add"])
def test_a_folder_that_does_not_keep_still_is_named(folder: Path, root: Path, change: str) -> None:
    numbers = count()

    def change_always() -> bool:
        path = folder / "package" / "changing"
        match change:
            case "write":
                path.write_text(str(next(numbers)))
            case "add":
                path.with_name(f"changing{next(numbers):04}").touch()
        return False

    with pytest.raises(FolderChanges, match="package/changing"):
        take_snapshot(folder, root, project="p", is_interrupted=change_always)
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


def test_a_snapshot_that_is_taken_again_is_not_old(folder: Path, root: Path) -> None:
    first = take_snapshot(folder, root, project="p")
    os.utime(first, (0, 0))
    assert take_snapshot(folder, root, project="p") == first
    assert first.stat().st_mtime > 0
