"""Whose folder snapshots go into, and come out of: that of the control plane, if it is on this machine."""

import json
import os
from pathlib import Path

import pytest
from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.deployment.folders import forget_snapshots, runs_folders, snapshot_root

from control_plane_server.provisioners.process.image_folders import identified
from tests.cli.scripted_server import json_answer, scripted_server

_RUNS_IMAGES = json_answer('{"detail": "no folders"}', status="501 Not Implemented")
_EARLIER_RELEASE = json_answer('{"detail": "Not Found"}', status="404 Not Found")


def naming(root: Path, identity: str) -> bytes:
    return json_answer(json.dumps({"path": str(root), "identity": identity}))


async def test_the_folder_is_that_of_the_control_plane_that_is_asked(tmp_path: Path) -> None:
    answer = naming(tmp_path, identified(tmp_path).identity)
    async with scripted_server(lambda *_: answer) as scripted, scripted.connect() as connection:
        assert await snapshot_root(connection) == tmp_path
        assert await runs_folders(connection)


@pytest.mark.parametrize("is_here", [True, False], ids=["another's folder", "no folder"])
async def test_behind_a_tunnel_nothing_is_copied_and_nothing_deleted(tmp_path: Path, is_here: bool) -> None:
    """The other machine has a folder of the same name."""
    root = tmp_path / "images"
    if is_here:
        identified(root)
        (root / "p" / "1").mkdir(parents=True)
    async with scripted_server(lambda *_: naming(root, "of another")) as scripted, scripted.connect() as connection:
        with pytest.raises(WrongUsage, match="deploy on that machine"):
            await snapshot_root(connection)
        await forget_snapshots(connection, project="p")
    assert root.exists() == (root / "p" / "1").exists() == is_here


async def test_undeploying_forgets_the_project_and_no_other(tmp_path: Path) -> None:
    answer = naming(tmp_path, identified(tmp_path).identity)
    for project in ("p", "q"):
        (tmp_path / project / "1").mkdir(parents=True)
    async with scripted_server(lambda *_: answer) as scripted, scripted.connect() as connection:
        await forget_snapshots(connection, project="p")
    assert set(os.listdir(tmp_path)) == {".identity", "q"}


async def test_where_images_are_no_folders_one_is_to_be_named() -> None:
    async with scripted_server(lambda *_: _RUNS_IMAGES) as scripted, scripted.connect() as connection:
        assert not await runs_folders(connection)
        await forget_snapshots(connection, project="p")
        with pytest.raises(WrongUsage, match="runs images: name one with --image"):
            await snapshot_root(connection)


async def test_an_earlier_release_does_not_say_where_its_folder_is() -> None:
    async with scripted_server(lambda *_: _EARLIER_RELEASE) as scripted, scripted.connect() as connection:
        await forget_snapshots(connection, project="p")
        with pytest.raises(CannotBeDone, match="start it again"):
            await snapshot_root(connection)
