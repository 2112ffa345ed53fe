"""Logs by the engine, read in pages."""

import asyncio
import dataclasses

import pytest

from control_plane_server.domain.containers import Container, LogStart
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.factory import open_docker_provisioner
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.docker.conftest import container_request
from tests.docker.steps import launch
from tests.provisioners import warm_logs

NUMBERS = "for i in $(seq 1 400); do echo out $i; echo err $i >&2; done"


async def ended(provisioner: DockerProvisioner, script: str) -> Container:
    container = await launch(provisioner, container_request(command=("sh", "-c", script)))
    async with asyncio.timeout(60):
        await provisioner.wait_for_exit(container)
    return container


async def pages(provisioner: DockerProvisioner, container: Container, max_lines: int) -> list[str]:
    lines: list[str] = []
    offset: str | None = None
    while (page := await provisioner.read_logs(container.details, offset, max_lines)).lines:
        assert len(page.lines) <= max_lines
        lines += page.lines
        offset = page.next_offset
    return lines


@pytest.mark.parametrize("max_lines", [7, 1_000])
async def test_pages_together_are_the_log(provisioner: DockerProvisioner, max_lines: int) -> None:
    lines = await pages(provisioner, await ended(provisioner, NUMBERS), max_lines)
    assert [line for line in lines if line.startswith("out")] == [f"out {number}" for number in range(1, 401)]
    assert [line for line in lines if line.startswith("err")] == [f"err {number}" for number in range(1, 401)]
    assert len(lines) == 800


async def test_a_log_that_takes_its_time(provisioner: DockerProvisioner) -> None:
    """So that offsets count from later entries than the first."""
    container = await ended(provisioner, "for i in 1 2 3 4; do echo $i; echo x$i; sleep 1.1; done")
    assert await pages(provisioner, container, 1) == ["1", "x1", "2", "x2", "3", "x3", "4", "x4"]


async def test_each_line_has_its_time_and_stream_and_reading_begins_where_it_is_told(
    provisioner: DockerProvisioner,
) -> None:
    container = await ended(provisioner, "echo one; echo two >&2; sleep 1.1; echo three; echo four; echo five >&2")
    page = await provisioner.read_logs(container.details, None, 10)
    streams = {entry.line: entry.stream for entry in page.entries}
    assert streams == {"one": "stdout", "two": "stderr", "three": "stdout", "four": "stdout", "five": "stderr"}
    times = [entry.time_ms or 0 for entry in page.entries]
    assert times[2] - times[1] >= 1_000
    since = await provisioner.read_logs(container.details, None, 10, start=LogStart(since_ms=times[1] + 500))
    assert sorted(since.lines) == ["five", "four", "three"]
    last = await provisioner.read_logs(container.details, None, 2, start=LogStart(tail=4))
    rest = await provisioner.read_logs(container.details, last.next_offset, 10)
    assert (*last.lines, *rest.lines) == page.lines[-4:]


async def test_an_offset_goes_on_with_what_came_later(provisioner: DockerProvisioner) -> None:
    container = await launch(provisioner, container_request(command=("sh", "-c", "echo one; sleep 2; echo two")))
    while (page := await provisioner.read_logs(container.details, None, 10)).lines != ("one",):
        await asyncio.sleep(0.02)
    await provisioner.wait_for_exit(container)
    assert (await provisioner.read_logs(container.details, page.next_offset, 10)).lines == ("two",)


async def test_a_very_long_line_comes_in_pieces_of_whole_characters(provisioner: DockerProvisioner) -> None:
    script = "python3 -c \"print('x' + chr(223) * 100_000); print('end')\""
    lines = await pages(provisioner, await ended(provisioner, script), 2)
    assert len(lines) == 5
    assert "".join(lines[:-1]) == "x" + "ß" * 100_000
    assert lines[-1] == "end"


async def test_what_is_no_text_and_a_last_line_without_an_end(provisioner: DockerProvisioner) -> None:
    container = await ended(provisioner, r"printf 'a\000b\377\n\nlast'")
    assert await pages(provisioner, container, 10) == ["ab\ufffd", "", "last"]


async def test_a_log_whose_beginning_the_engine_has_dropped(configuration: DockerConfiguration) -> None:
    """What is left is read, also from an offset into what is gone."""
    async with open_docker_provisioner(dataclasses.replace(configuration, log_max_mib=2)) as provisioner:
        script = "echo first; sleep 2; seq 1000000 1400000"
        container = await launch(provisioner, container_request(command=("sh", "-c", script)))
        while not (page := await provisioner.read_logs(container.details, None, 1)).lines:
            await asyncio.sleep(0.02)
        await provisioner.wait_for_exit(container)
        rest = await provisioner.read_logs(container.details, page.next_offset, 1_000)
        assert page.lines == ("first",)
        assert int(rest.lines[0]) > 1_000_000
        assert [int(line) - int(rest.lines[0]) for line in rest.lines] == list(range(1_000))


@pytest.mark.parametrize("offset", ["", "x", "12", "-1-1", "1.5", "0-5000", " 0-0", "9" * 5_000])
async def test_offsets_that_are_not_ours(provisioner: DockerProvisioner, offset: str) -> None:
    container = await ended(provisioner, "echo one")
    with pytest.raises(OffsetIsInvalid):
        await provisioner.read_logs(container.details, offset, 10)


async def test_each_execution_of_a_warm_container_has_its_own_part(provisioner: DockerProvisioner) -> None:
    container = await ended(provisioner, warm_logs.script())
    for max_lines in (4, 250):
        await warm_logs.assert_parts(provisioner, container.details, max_lines=max_lines)
