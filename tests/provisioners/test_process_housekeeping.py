"""What containers and snapshots leave behind: what is found without reading it, and what goes away when."""

import os
import time
from datetime import timedelta
from pathlib import Path

from control_plane.machine.processes import Process, process_of

from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.process.all_containers import live_container_names
from control_plane_server.provisioners.process.container_folders import (
    ContainerFolder,
    ExitRecord,
    containers_root,
    folder_of,
    marks_root,
)
from control_plane_server.provisioners.process.housekeeping import Retention, remove_old
from control_plane_server.provisioners.process.image_folders import identified, image_root
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner

_NO_LIMIT = Retention(age=timedelta(days=30), size=10**12)
_DEAD = Process(pid=1, started="0", boot="before")
_DAY = 86_400.0


def container(data_dir: Path, number: int, *, ended_days_ago: float | None, size: int = 10) -> ContainerFolder:
    """Ended, or run by this process if `ended_days_ago` is None."""
    folder = folder_of(data_dir, f"exe-{number:032x}-1")
    folder.make()
    supervisor = process_of(os.getpid()) if ended_days_ago is None else _DEAD
    assert supervisor is not None
    assert folder.claim(supervisor)
    folder.log.write_text("x" * size)
    if ended_days_ago is not None:
        folder.record_exit(ExitRecord(exit_code=0))
        age(folder.path / "exit", ended_days_ago)
    return folder


def snapshot(data_dir: Path, project: str, name: str, *, used_days_ago: float, size: int = 10) -> Path:
    folder = image_root(data_dir) / project / name
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("#" * size)
    age(folder, used_days_ago)
    return folder


def age(path: Path, days: float) -> None:
    os.utime(path, times=(time.time() - days * _DAY,) * 2)


def test_what_ended_long_ago_is_removed_and_what_runs_stays(tmp_path: Path) -> None:
    old = container(tmp_path, 1, ended_days_ago=31)
    young = container(tmp_path, 2, ended_days_ago=29)
    running = container(tmp_path, 3, ended_days_ago=None)
    age(running.path, 400)
    remove_old(tmp_path, _NO_LIMIT)
    assert not old.path.exists()
    assert young.log.exists()
    assert running.log.exists()


def test_when_there_is_no_room_what_ended_first_goes_first(tmp_path: Path) -> None:
    folders = [container(tmp_path, day, ended_days_ago=day, size=100_000) for day in (3, 2, 1)]
    now = container(tmp_path, 9, ended_days_ago=0, size=100_000)
    remove_old(tmp_path, Retention(age=timedelta(days=30), size=250_000))
    assert [folder.path.exists() for folder in folders] == [False, False, True]
    assert now.path.exists()


def test_what_ended_just_now_stays_though_it_is_too_large(tmp_path: Path) -> None:
    folder = container(tmp_path, 1, ended_days_ago=0, size=1_000)
    remove_old(tmp_path, Retention(age=timedelta(days=30), size=1))
    assert folder.log.exists()


def test_the_newest_snapshot_of_a_project_stays_and_older_ones_go(tmp_path: Path) -> None:
    identity = identified(image_root(tmp_path))
    newest = snapshot(tmp_path, "p", "2", used_days_ago=100)
    older = snapshot(tmp_path, "p", "1", used_days_ago=101)
    draft = snapshot(tmp_path, "p", "draft-x", used_days_ago=102)
    of_another = snapshot(tmp_path, "q", "1", used_days_ago=200)
    remove_old(tmp_path, _NO_LIMIT)
    assert (newest / "main.py").exists()
    assert (of_another / "main.py").exists()
    assert not older.exists()
    assert not draft.exists()
    assert identified(image_root(tmp_path)) == identity
    assert {path.name for path in image_root(tmp_path).iterdir()} == {".identity", "p", "q"}


def test_containers_of_an_earlier_release_are_found_and_the_folders_of_all_are_read_once(tmp_path: Path) -> None:
    running = container(tmp_path, 1, ended_days_ago=None)
    container(tmp_path, 2, ended_days_ago=1)
    assert live_container_names(tmp_path) == [running.path.name]
    unmarked = container(tmp_path, 3, ended_days_ago=None)
    assert live_container_names(tmp_path) == [running.path.name], "the folders of all were read again"
    unmarked.mark.touch()
    assert set(live_container_names(tmp_path)) == {running.path.name, unmarked.path.name}


def test_the_mark_of_a_container_whose_supervisor_was_killed_goes(tmp_path: Path) -> None:
    folder = container(tmp_path, 1, ended_days_ago=None)
    assert live_container_names(tmp_path) == [folder.path.name]
    folder.record_exit(ExitRecord(signal=9))
    assert live_container_names(tmp_path) == []
    assert list(marks_root(tmp_path).iterdir()) == []


async def test_a_container_that_is_forgotten_leaves_nothing(tmp_path: Path) -> None:
    provisioner = ProcessProvisioner(data_dir=tmp_path, api_url="http://127.0.0.1:1", stop_grace=timedelta(seconds=1))
    folder = container(tmp_path, 1, ended_days_ago=0)
    name = ContainerName(execution_id=ExecutionId(f"exe-{1:032x}"), launch=1)
    for _ in range(2):
        await provisioner.forget([name])
    assert not folder.path.exists()
    assert list(containers_root(tmp_path).iterdir()) == []


async def test_each_control_plane_has_an_identity_that_stays(tmp_path: Path) -> None:
    one, same, other = [
        ProcessProvisioner(data_dir=tmp_path / name, api_url="http://127.0.0.1:1", stop_grace=timedelta(seconds=1))
        for name in ("a", "a", "b")
    ]
    assert await one.image_folder() == await same.image_folder()
    assert (await one.image_folder()).identity != (await other.image_folder()).identity


def test_the_snapshot_of_what_runs_stays_for_as_long_as_it_runs(tmp_path: Path) -> None:
    snapshot(tmp_path, "p", "3", used_days_ago=0)
    used = snapshot(tmp_path, "p", "2", used_days_ago=40)
    unused = snapshot(tmp_path, "p", "1", used_days_ago=40)
    container(tmp_path, 1, ended_days_ago=None).note_image(used)
    container(tmp_path, 2, ended_days_ago=0).note_image(unused)
    remove_old(tmp_path, _NO_LIMIT)
    assert (used / "main.py").exists()
    assert not unused.exists()
