"""`control-plane dev` is killed in the middle of its work: the next one on its folder brings that to its end."""

import asyncio
from pathlib import Path

from control_plane.machine.records import read_record

from control_plane_server.cli.stack.folder import DataFolder
from tests.cli.stacks import Ports, dev, processes_of
from tests.e2e.platforms import Platform
from tests.e2e.project import Project, lines_of


async def test_a_function_runs_once_and_a_deletion_goes_on_though_the_stack_is_killed(
    platform: Platform, tmp_path: Path
) -> None:
    """What the killed stack left running is taken over, and nothing of it stays."""
    folder, ports = tmp_path / "data", Ports.free()
    notes, release, notes_of_gone = tmp_path / "notes", tmp_path / "release", tmp_path / "gone"
    async with dev(folder, ports, provisioner=platform.provisioner, **platform.environment) as first:
        access = await first.ready()
        project = Project(access, f"crash-{platform.provisioner}", image=platform.image)
        gone = Project(access, f"gone-{platform.provisioner}", image=platform.image)
        await project.deploy("note_and_hold")
        await gone.deploy("clean_up_when_stopped")
        invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        await gone.invoke("clean_up_when_stopped", notes=str(notes_of_gone), seconds=1)
        await lines_of(notes)
        await lines_of(notes_of_gone)
        await gone.http.delete(f"/projects/{gone.name}")
        first.process.kill()
        await first.process.wait()
    left = {name: read_record(DataFolder(folder).record(name)) for name in ("api", "loop", "temporal")}
    assert all(process is not None and process.is_alive() for process in left.values())
    async with dev(folder, ports, provisioner=platform.provisioner, **platform.environment) as second:
        await second.ready()
        assert [name for name, process in left.items() if process is not None and process.is_alive()] == []
        release.touch()
        invocation = await project.ended("note_and_hold", invocation_id)
        while (await gone.http.get(f"/projects/{gone.name}")).status_code != 404:
            await asyncio.sleep(0.05)
        assert await second.end() == 0
    await project.http.aclose()
    await gone.http.aclose()
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["output"], execution["launches"]) == ("SUCCEEDED", "1", 1)
    assert processes_of(folder) == []
