"""Folders of containers that several threads remove at once, as deletions and the housekeeping do."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from control_plane_server.provisioners.process.container_folders import containers_root, folder_of


def test_removals_at_the_same_time_leave_nothing(tmp_path: Path) -> None:
    folders = [folder_of(tmp_path, f"c{number}") for number in range(400)]
    for folder in folders:
        folder.make()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda folder: folder.remove(), folders))
    assert [path.name for path in containers_root(tmp_path).iterdir() if not path.name.startswith(".")] == []
