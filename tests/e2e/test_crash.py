"""`control-plane dev` is killed in the middle of an invocation: the next one on its folder brings it to its end."""

import asyncio
from pathlib import Path

import pytest

from tests.cli.stacks import Ports, dev
from tests.e2e.platforms import Platform
from tests.e2e.project import Project, lines_of


async def test_the_function_runs_once_though_the_stack_is_killed(platform: Platform, tmp_path: Path) -> None:
    folder, ports = tmp_path / "data", Ports.free()
    notes, release = tmp_path / "notes", tmp_path / "release"
    async with dev(folder, ports, provisioner=platform.provisioner, **platform.environment) as first:
        project = Project(await first.ready(), f"crash-{platform.provisioner}", image=platform.image)
        await project.deploy("note_and_hold")
        invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        await lines_of(notes)
        first.process.kill()
        await first.process.wait()
    async with dev(folder, ports, provisioner=platform.provisioner, **platform.environment) as second:
        await second.ready()
        release.touch()
        invocation = await project.ended("note_and_hold", invocation_id)
        await project.http.aclose()
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["output"], execution["launches"]) == ("SUCCEEDED", "1", 1)


@pytest.mark.platforms("ecs")  # which has the most to take back
async def test_a_deletion_goes_on_though_the_stack_is_killed(platform: Platform, tmp_path: Path) -> None:
    folder, ports, notes = tmp_path / "data", Ports.free(), tmp_path / "notes"
    async with dev(folder, ports, provisioner=platform.provisioner, **platform.environment) as first:
        project = Project(await first.ready(), f"crash-{platform.provisioner}", image=platform.image)
        await project.deploy("clean_up_when_stopped")
        await project.invoke("clean_up_when_stopped", notes=str(notes), seconds=1)
        await lines_of(notes)
        await project.http.delete(f"/projects/{project.name}")
        first.process.kill()
        await first.process.wait()
    async with dev(folder, ports, provisioner=platform.provisioner, **platform.environment) as second:
        await second.ready()
        while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
            await asyncio.sleep(0.05)
        await project.http.aclose()
