"""Groups that limit memory, as far as folders go: what the kernel does is tried with containers."""

import os
from pathlib import Path

from control_plane_server.provisioners.process.container_folders import ContainerFolder
from control_plane_server.provisioners.process.memory_groups import MemoryGroup


def test_the_note_of_a_group_that_a_power_failure_cut_is_none(tmp_path: Path) -> None:
    folder = ContainerFolder(tmp_path / "exe-1")
    folder.make()
    group = MemoryGroup(tmp_path / "groups" / "control-plane-exe-1")
    folder.note_memory_group(group)
    assert folder.memory_group() == group
    (folder.path / "memory-group").write_text(str(group.folder.parent))  # whose processes are not the container's
    assert folder.memory_group() is None


def test_neither_itself_nor_what_it_cannot_see_is_killed(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"0\n{os.getpid()}\n")
    MemoryGroup(tmp_path).kill()
