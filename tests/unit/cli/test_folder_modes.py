"""What a stack keeps is readable by its owner alone."""

import os
from pathlib import Path

from control_plane_server.cli.stack.folder import DataFolder


def test_a_folder_is_made_private_and_what_a_release_before_made_readable_is_so_no_longer(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    before = os.umask(0)
    try:
        folder.make()
        for name in ("temporal.db", "temporal.db-wal"):
            (folder.path / name).touch(mode=0o644)
        folder.make()
    finally:
        os.umask(before)
    for path in (folder.path, *folder.path.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
