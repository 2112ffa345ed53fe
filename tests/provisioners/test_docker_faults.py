"""An engine that is in trouble with one container, or with pulls, and with nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerDetails, ContainerType
from control_plane_server.domain.errors import Unavailable
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.docker.engine import Engine, open_docker
from control_plane_server.provisioners.docker.housekeeping import Housekeeping
from control_plane_server.provisioners.docker.images import Images
from control_plane_server.provisioners.docker.notes import Notes
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.unit.provisioners.test_docker_requests import CONFIGURATION

_EXITED = {
    "Id": "1",
    "Created": "2026-01-01T00:00:00Z",
    "State": {"Status": "exited", "ExitCode": 0, "OOMKilled": False, "FinishedAt": "2026-01-01T00:00:00Z"},
    "Config": {"Labels": {}},
}


def name(number: int) -> ContainerName:
    return ContainerName(execution_id=ExecutionId(f"exe-{number:032}"), launch=1)


def container(number: int) -> Container:
    details = ContainerDetails(type=ContainerType.TEST, identifier=str(name(number)), logs_identifier=str(name(number)))
    return Container(name=name(number), details=details)


class HalfBroken(Engine):
    """Has nothing to say of the first container."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs
        self.removed: list[str] = []

    async def containers(self, labels: Sequence[str], *, status: str | None = None) -> list[dict[str, Any]]:
        listed = [{"Id": str(name(number)), "State": "exited", "Created": 1} for number in range(3)]
        return [] if status == "running" else listed

    async def inspect(self, identifier: str) -> dict[str, Any] | None:
        if identifier.endswith(".stop"):
            return None
        if identifier == str(name(0)):
            if self.hangs:
                await asyncio.Event().wait()
            raise Unavailable("no such layer")
        return _EXITED

    async def remove(self, identifier: str) -> bool:
        self.removed.append(identifier)
        return True


@pytest.mark.parametrize("hangs", [False, True])
async def test_one_that_cannot_be_looked_at_blinds_only_its_own(hangs: bool) -> None:
    engine = HalfBroken(hangs=hangs)
    notes = Notes(engine, installation="test")
    provisioner = DockerProvisioner(engine, notes, CONFIGURATION, inspection_limit=timedelta(seconds=0.2))
    waits = [asyncio.create_task(provisioner.wait_for_exit(container(number))) for number in range(3)]
    async with asyncio.timeout(10):
        assert [(await wait).exit_code for wait in waits[1:]] == [0, 0]
    assert not waits[0].done()
    waits[0].cancel()


async def test_one_that_cannot_be_removed_keeps_no_other() -> None:
    engine = HalfBroken()
    await Housekeeping(engine, Notes(engine, installation="test"), CONFIGURATION).remove_old()
    assert len(engine.removed) == 2


async def test_one_that_hangs_keeps_no_other_from_being_removed() -> None:
    engine = HalfBroken(hangs=True)
    notes = Notes(engine, installation="test")
    housekeeping = Housekeeping(engine, notes, CONFIGURATION, call_limit=timedelta(seconds=0.2))
    async with asyncio.timeout(10):
        await housekeeping.remove_old()
    assert len(engine.removed) == 2


async def test_a_pull_that_breaks_off_says_nothing_of_the_image() -> None:
    """Where its connection is lost, the engine's answer may just end, as if the pull had."""
    async with _engine_whose_pulls_break_off() as url:
        docker = open_docker(url)
        try:
            with pytest.raises(Unavailable, match="just pulled"):
                await Images(Engine(docker, url), CONFIGURATION).pin("image:1", needs_program=False)
        finally:
            await docker.close()


async def test_pulls_that_hang_keep_nobody_from_stopping_a_container() -> None:
    """However many there are: an engine's client has a hundred connections."""
    async with _engine_that_hangs_in_pulls() as (url, pulls):
        docker = open_docker(url)
        engine = Engine(docker, url)
        images = Images(engine, CONFIGURATION)
        pulling = [asyncio.create_task(images.pull(f"image:{number}")) for number in range(120)]
        async with asyncio.timeout(20):
            while len(pulls) < 100:
                await asyncio.sleep(0.01)
            assert await engine.kill("container", "SIGTERM")
        for task in pulling:
            task.cancel()
        await asyncio.gather(*pulling, return_exceptions=True)
        await docker.close()


@asynccontextmanager
async def _engine_that_hangs_in_pulls() -> AsyncIterator[tuple[str, list[str]]]:
    """Its address, and which images it pulls."""
    pulls: list[str] = []
    is_over = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/images/create"):
            pulls.append(request.query["fromImage"])
            await is_over.wait()
        return web.Response(status=204)

    async with _engine(answer) as url:
        try:
            yield url, pulls
        finally:
            is_over.set()


@asynccontextmanager
async def _engine_whose_pulls_break_off() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/images/create"):
            return web.json_response({"message": "No such image"}, status=404)
        return web.json_response({"status": "Downloading"})

    async with _engine(answer) as url:
        yield url


@asynccontextmanager
async def _engine(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/version"):
            return web.json_response({"ApiVersion": "1.41"})
        return await answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"tcp://{host}:{port}"
    finally:
        await runner.cleanup()
