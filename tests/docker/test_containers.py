"""Containers of an engine: what they get, how they end, how they are stopped."""

import asyncio
import dataclasses
import json
from datetime import timedelta

import pytest

from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ExitCause
from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.factory import open_docker_provisioner
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.docker.conftest import TOKEN, container_request
from tests.docker.steps import NEW, first_lines, launch
from tests.sdk.api_stub import StubState

FORKS = """
import os, time
children = 0
try:
    while children < 5000:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        children += 1
except BlockingIOError:
    pass
print(children)
"""
IGNORES_SIGTERM = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")


async def test_a_function_runs_with_its_token_and_no_secrets_of_ours(
    provisioner: DockerProvisioner, state: StubState, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROL_PLANE_API_KEY", "the-root-key")
    container = await launch(provisioner, container_request(image=image, function="greet"))
    ended = await provisioner.wait_for_exit(container)
    assert ended == ContainerExit(cause=ExitCause.EXITED, reason="exited without a result", exit_code=0)
    assert state.report is not None
    environment = json.loads(state.report["final_output"])
    assert environment["MULTINODE_API_KEY"] == TOKEN
    assert "the-root-key" not in environment.values()
    assert (await provisioner.read_logs(container.details, None, 10)).lines == ("hello",)


async def test_a_command_runs_in_an_image_that_knows_nothing_of_us(
    provisioner: DockerProvisioner, state: StubState
) -> None:
    state.input = '"text"'
    await provisioner.wait_for_exit(await launch(provisioner, container_request(command=("cat",))))
    assert state.report is not None
    assert (state.report["outcome"], state.report["final_output"]) == ("SUCCEEDED", '"text"')


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (7, ContainerExit(cause=ExitCause.EXITED, reason="exit code 7", exit_code=7)),
        (255, ContainerExit(cause=ExitCause.EXITED, reason="exit code 255", exit_code=255)),
        (137, ContainerExit(cause=ExitCause.EXITED, reason="exit code 137 (SIGKILL)", exit_code=137)),
        (139, ContainerExit(cause=ExitCause.EXITED, reason="exit code 139 (SIGSEGV)", exit_code=139)),
    ],
)
async def test_exit_codes(
    provisioner: DockerProvisioner, state: StubState, image: str, code: int, expected: ContainerExit
) -> None:
    state.input = json.dumps([code])
    assert (
        await provisioner.wait_for_exit(await launch(provisioner, container_request(image=image, function="leave")))
        == expected
    )


async def test_more_memory_than_its_own_kills_it_and_it_is_said(
    provisioner: DockerProvisioner, state: StubState, image: str
) -> None:
    state.input = json.dumps([500])
    request = container_request(image=image, function="take_memory", memory_gbs=0.125)
    ended = await provisioner.wait_for_exit(await launch(provisioner, request))
    expected = "killed for using more than its memory (128 MiB)"
    assert ended == ContainerExit(cause=ExitCause.EXITED, reason=expected, exit_code=137)


async def test_limits_are_the_engines(provisioner: DockerProvisioner, engine: Engine, image: str) -> None:
    request = container_request(image=image, function="hold", virtual_cpus=0.5, memory_gbs=0.25)
    container = await engine.inspect((await launch(provisioner, request)).details.identifier)
    assert container is not None
    limits = container["HostConfig"]
    assert limits["NanoCpus"] == 500_000_000
    assert limits["Memory"] == limits["MemorySwap"] == 256 * 1024 * 1024


async def test_stop_is_a_sigterm(provisioner: DockerProvisioner, state: StubState, image: str) -> None:
    container = await launch(provisioner, container_request(image=image, function="hold"))
    await first_lines(provisioner, container, 1)
    await provisioner.stop(container)
    ended = await provisioner.wait_for_exit(container)
    assert (ended.cause, ended.exit_code) == (ExitCause.STOPPED, 143)
    assert state.report is not None
    assert state.report["outcome"] == "ABORTED"
    await provisioner.stop(container)


async def test_one_that_ignores_sigterm_is_killed_after_the_grace_period(configuration: DockerConfiguration) -> None:
    short = dataclasses.replace(configuration, stop_grace=timedelta(seconds=0.5))
    async with open_docker_provisioner(short) as provisioner:
        container = await launch(provisioner, container_request(command=IGNORES_SIGTERM))
        await first_lines(provisioner, container, 1)
        await provisioner.stop(container)
        async with asyncio.timeout(15):
            ended = await provisioner.wait_for_exit(container)
    assert (ended.cause, ended.exit_code) == (ExitCause.STOPPED, 137)
    assert ended.reason.startswith("killed after the grace period")


async def test_it_is_killed_too_if_who_stopped_it_is_gone(configuration: DockerConfiguration) -> None:
    """By whoever opens the engine next, who need not know of it."""
    short = dataclasses.replace(configuration, stop_grace=timedelta(seconds=1))
    async with open_docker_provisioner(short) as first:
        container = await launch(first, container_request(command=IGNORES_SIGTERM))
        await first_lines(first, container, 1)
        await first.stop(container)
    async with open_docker_provisioner(configuration) as second, asyncio.timeout(15):
        assert (await second.wait_for_exit(container)).cause is ExitCause.STOPPED


async def test_a_command_in_an_image_without_python(provisioner: DockerProvisioner) -> None:
    await provisioner.withdraw(container_request().name, age=NEW)  # makes an image that holds nothing
    container = await launch(provisioner, container_request(command=("true",), image="control-plane-note:1"))
    expected = "exit code 127 (the program was not found)"
    assert await provisioner.wait_for_exit(container) == ContainerExit(
        cause=ExitCause.EXITED, reason=expected, exit_code=127
    )
    (line,) = (await provisioner.read_logs(container.details, None, 10)).lines
    assert "exec python3 failed" in line


async def test_a_name_that_was_never_launched_and_one_that_was_removed(
    provisioner: DockerProvisioner, engine: Engine, image: str
) -> None:
    container = await launch(provisioner, container_request(image=image, function="hold"))
    unknown = Container(
        name=ContainerName(execution_id=container.name.execution_id, launch=2),
        details=dataclasses.replace(container.details, identifier="unknown-2"),
    )
    await provisioner.stop(unknown)
    assert (await provisioner.wait_for_exit(unknown)).cause is ExitCause.LOST
    await engine.docker.containers.container(container.details.identifier).delete(force=True)
    assert (await provisioner.wait_for_exit(container)).cause is ExitCause.LOST
    page = await provisioner.read_logs(container.details, None, 10)
    assert (page.lines, page.next_offset) == ((), None)


async def test_live_containers(provisioner: DockerProvisioner, image: str) -> None:
    await provisioner.withdraw(container_request().name, age=NEW)
    container = await launch(provisioner, container_request(image=image, function="hold"))
    assert (await provisioner.list_live_containers()).containers == (container,)
    await provisioner.stop(container)
    await provisioner.wait_for_exit(container)
    assert (await provisioner.list_live_containers()).containers == ()


async def test_cancelling_the_wait_leaves_the_container_alone(
    provisioner: DockerProvisioner, engine: Engine, image: str
) -> None:
    container = await launch(provisioner, container_request(image=image, function="hold"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(provisioner.wait_for_exit(container), 0.6)
    found = await engine.inspect(container.details.identifier)
    assert found is not None
    assert found["State"]["Running"]


async def test_an_engine_that_is_away(configuration: DockerConfiguration) -> None:
    nowhere = dataclasses.replace(configuration, engine_url="unix:///nonexistent/docker.sock")
    async with open_docker_provisioner(nowhere) as provisioner:
        with pytest.raises(Unavailable):
            await provisioner.launch(container_request(), age=NEW)
        with pytest.raises(Unavailable):
            await provisioner.withdraw(container_request().name, age=NEW)


async def test_a_container_has_so_many_processes_and_no_more(
    configuration: DockerConfiguration, state: StubState
) -> None:
    few = dataclasses.replace(configuration, max_processes=64)
    async with open_docker_provisioner(few) as provisioner:
        await provisioner.wait_for_exit(await launch(provisioner, container_request(command=("python3", "-c", FORKS))))
    assert state.report is not None
    assert state.report["outcome"] == "SUCCEEDED", state.report
    assert 10 < int(state.report["final_output"]) < 64


async def test_a_container_has_no_privileges_and_cannot_gain_any(
    provisioner: DockerProvisioner, state: StubState
) -> None:
    await provisioner.wait_for_exit(
        await launch(provisioner, container_request(command=("grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status")))
    )
    assert state.report is not None
    facts = dict(line.split(":\t") for line in state.report["final_output"].splitlines())
    assert facts.pop("NoNewPrivs") == "1"
    assert set(facts.values()) == {"0" * 16}, facts
