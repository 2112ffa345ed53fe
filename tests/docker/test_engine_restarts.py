"""The engine is killed, or shut down, in the middle of a container's life, and comes up again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from control_plane_server.domain.containers import ExitCause
from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.docker.factory import open_docker_provisioner
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.docker.conftest import configuration_of, container_request
from tests.docker.own_engine import OwnEngine, own_engine
from tests.docker.steps import NEW, first_lines, launch
from tests.sdk.api_stub import StubState

END = ("kill", "shut_down")


@pytest.fixture(scope="module")
async def own(image: str) -> AsyncIterator[OwnEngine]:
    """Does not run yet, and has the functions' image."""
    async with own_engine() as it:
        await it.start()
        await it.take_image(image)
        await it.shut_down()
        yield it


@pytest.fixture
async def provisioner(own: OwnEngine, api_url: str) -> AsyncIterator[DockerProvisioner]:
    async with open_docker_provisioner(configuration_of("own", api_url, engine_url=own.url)) as it:
        yield it


@pytest.mark.parametrize("how", END)
async def test_a_container_that_goes_down_with_its_engine_is_lost_and_not_aborted(
    own: OwnEngine, provisioner: DockerProvisioner, state: StubState, image: str, how: str
) -> None:
    """Lost: it is launched again. Had it been told to stop, its function would have reported a cancellation."""
    await own.start()
    container = await launch(provisioner, container_request(image=image, function="hold"))
    await first_lines(provisioner, container, 1)
    waiting = asyncio.create_task(provisioner.wait_for_exit(container))
    await getattr(own, how)()
    with pytest.raises(Unavailable):
        await provisioner.launch(container_request(image=image, function="hold"), age=NEW)
    await own.start()
    async with asyncio.timeout(60):
        ended = await waiting
    assert (ended.cause, ended.reason) == (ExitCause.LOST, "The Docker engine was started again")
    assert state.report is None
    await own.shut_down()


@pytest.mark.parametrize("how", END)
async def test_with_live_restore_containers_go_on_without_their_engine(
    own: OwnEngine, provisioner: DockerProvisioner, state: StubState, image: str, how: str
) -> None:
    await own.start("--live-restore")
    container = await launch(provisioner, container_request(image=image, function="hold"))
    await first_lines(provisioner, container, 1)
    await getattr(own, how)()
    await own.start("--live-restore")
    await provisioner.stop(container)
    async with asyncio.timeout(60):
        assert (await provisioner.wait_for_exit(container)).cause is ExitCause.STOPPED
    assert state.report is not None
    assert state.report["outcome"] == "ABORTED"
    await own.shut_down()
