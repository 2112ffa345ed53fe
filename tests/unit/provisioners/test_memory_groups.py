"""Groups that limit memory, as far as folders go: what the kernel does is tried with containers."""

import os
from pathlib import Path

from control_plane_server.provisioners.process.container_folders import ContainerFolder
from control_plane_server.provisioners.process.memory_groups import MemoryGroup, parents_in


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


ODD_MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
28 27 0:25 / /mnt/odd ro,relatime - tmpfs  ro,size=4k
29 27
30 27 0:27 / /mnt/none rw - tmpfs

"""
ODD_GROUPS = "9:name=systemd:/\n7\n\n"


def test_groups_of_the_first_version_are_within_our_own() -> None:
    mounts = ODD_MOUNTS + "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    assert list(parents_in(mounts, ODD_GROUPS + "4:memory:/user/one\n")) == [Path("/sys/fs/cgroup/memory/user/one")]


def test_groups_of_the_second_version_are_beside_our_own() -> None:
    mounts = ODD_MOUNTS + "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n"
    expected = [Path("/sys/fs/cgroup/user"), Path("/sys/fs/cgroup/user/one.scope")]
    assert list(parents_in(mounts, ODD_GROUPS + "0::/user/one.scope\n")) == expected


def test_a_machine_without_groups_has_no_place_for_ours() -> None:
    assert list(parents_in(ODD_MOUNTS, ODD_GROUPS)) == []
