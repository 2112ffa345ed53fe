"""Where images come from, and whose fault it is if they do not."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from control_plane_server.domain.entities import ContainerType, Function, FunctionStatus, PreparedFunction
from control_plane_server.domain.errors import FunctionFailure, Misconfigured, Unavailable
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId
from control_plane_server.domain.specs import ExecutionSpec, ResourceSpec
from control_plane_server.provisioners.docker.configuration import DockerConfiguration, PullPolicy, RegistryLogin
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.factory import open_docker_provisioner
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner
from tests.docker.conftest import container_request
from tests.docker.images import build_empty_image
from tests.docker.registry import PASSWORD, USERNAME, Registry, running_registry
from tests.docker.steps import NEW, launch

SMALL = "control-plane-test-small:1"


@pytest.fixture(scope="module")
async def registry(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Registry]:
    async with running_registry(tmp_path_factory.mktemp("registry")) as it:
        yield it


@pytest.fixture
async def with_login(configuration: DockerConfiguration, registry: Registry) -> AsyncIterator[DockerProvisioner]:
    async with open_docker_provisioner(logged_in(configuration, registry, PASSWORD)) as it:
        yield it


def logged_in(configuration: DockerConfiguration, registry: Registry, password: str) -> DockerConfiguration:
    logins = {registry.host: RegistryLogin(username=USERNAME, password=password)}
    return dataclasses.replace(configuration, logins=logins)


def function(docker_image: str, *, virtual_cpus: float = 1, memory_gbs: float = 0.25) -> Function:
    return Function(
        ref=FunctionRef(project_name=ProjectName("p"), version_id=VersionId("v"), function_name=FunctionName("f")),
        creation_time=datetime.now(UTC),
        docker_image=docker_image,
        resource_spec=ResourceSpec(virtual_cpus=virtual_cpus, memory_gbs=memory_gbs, max_concurrency=1),
        execution_spec=ExecutionSpec(max_retries=0, timeout_seconds=60),
        command=None,
        status=FunctionStatus.PENDING,
        prepared=None,
        preparation_error=None,
    )


async def test_an_image_that_was_built_on_the_server_needs_no_registry(
    provisioner: DockerProvisioner, engine: Engine, image: str
) -> None:
    identifier = (await engine.docker.images.inspect(image))["Id"]
    prepared = await provisioner.prepare(function(image))
    assert prepared == PreparedFunction(type=ContainerType.TEST, identifier=identifier)


async def test_an_image_is_pulled_with_the_login_of_its_registry_and_pinned(
    with_login: DockerProvisioner, engine: Engine, registry: Registry
) -> None:
    await build_empty_image(engine.docker, SMALL, program="/one")
    name = await registry.push(engine.docker, SMALL, "functions")
    await engine.docker.images.delete(name)
    prepared = await with_login.prepare(function(name))
    assert prepared.identifier.startswith(f"{registry.host}/functions@sha256:")


async def test_an_image_that_vanished_from_the_engine_is_pulled_again(
    with_login: DockerProvisioner, engine: Engine, registry: Registry
) -> None:
    identifier = await build_empty_image(engine.docker, SMALL, program="/vanished")
    name = await registry.push(engine.docker, SMALL, "vanished")
    pinned = (await with_login.prepare(function(name))).identifier
    await engine.docker.images.delete(name)
    await engine.docker.images.delete(identifier, force=True)
    container = await launch(with_login, container_request(image=pinned))
    assert (await with_login.wait_for_exit(container)).exit_code == 127  # it ran: there is nothing in it


async def test_a_version_goes_on_with_its_image_though_the_name_moves(
    configuration: DockerConfiguration, engine: Engine, registry: Registry
) -> None:
    asked = dataclasses.replace(logged_in(configuration, registry, PASSWORD), pull=PullPolicy.ALWAYS)
    first = await build_empty_image(engine.docker, SMALL, program="/first")
    async with open_docker_provisioner(asked) as provisioner:
        name = await registry.push(engine.docker, SMALL, "moving")
        old = await provisioner.prepare(function(name))
        await build_empty_image(engine.docker, SMALL, program="/second")
        await registry.push(engine.docker, SMALL, "moving")
        assert (await provisioner.prepare(function(name))).identifier != old.identifier
        container = await launch(provisioner, container_request(image=old.identifier))
    found = await engine.inspect(container.details.identifier)
    assert found is not None
    assert found["Image"] == first


async def test_an_image_that_does_not_exist(with_login: DockerProvisioner, registry: Registry) -> None:
    name = f"{registry.host}/nothing:1"
    with pytest.raises(FunctionFailure, match="cannot be pulled"):
        await with_login.prepare(function(name))
    with pytest.raises(FunctionFailure, match="cannot be pulled"):
        await with_login.launch(container_request(image=name), age=NEW)


async def test_an_image_of_the_server_that_was_removed(provisioner: DockerProvisioner) -> None:
    with pytest.raises(FunctionFailure, match="no longer on the engine"):
        await provisioner.launch(container_request(image="sha256:" + "0" * 64), age=NEW)


@pytest.mark.parametrize("docker_image", ["UPPER/case:1", "two words", "", "file:///tmp/folder"])
async def test_what_is_no_name_of_an_image(provisioner: DockerProvisioner, docker_image: str) -> None:
    with pytest.raises(FunctionFailure):
        await provisioner.prepare(function(docker_image))


@pytest.mark.parametrize("password", [None, "wrong"])
async def test_a_registry_that_wants_another_login_is_the_operators_concern(
    configuration: DockerConfiguration, registry: Registry, password: str | None
) -> None:
    asked = configuration if password is None else logged_in(configuration, registry, password)
    async with open_docker_provisioner(asked) as provisioner:
        with pytest.raises(Misconfigured, match="cannot be pulled"):
            await provisioner.prepare(function(f"{registry.host}/private:1"))


async def test_a_registry_that_is_away(provisioner: DockerProvisioner) -> None:
    with pytest.raises(Unavailable, match="cannot be pulled"):
        await provisioner.prepare(function("127.0.0.1:1/functions:1"))


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [({"virtual_cpus": 1_000.0}, "1000.0 virtual CPUs, this server has"), ({"memory_gbs": 100_000.0}, "GB of memory")],
)
async def test_more_than_the_server_has(
    provisioner: DockerProvisioner, image: str, wanted: dict[str, float], reason: str
) -> None:
    with pytest.raises(FunctionFailure, match=reason):
        await provisioner.prepare(function(image, **wanted))


async def test_an_image_without_a_program(provisioner: DockerProvisioner) -> None:
    await provisioner.withdraw(container_request().name, age=NEW)  # makes an image that holds nothing
    with pytest.raises(FunctionFailure, match="neither ENTRYPOINT nor CMD"):
        await provisioner.prepare(function("control-plane-note:1"))


async def test_a_network_that_does_not_exist_is_the_operators_concern(
    configuration: DockerConfiguration, image: str
) -> None:
    elsewhere = dataclasses.replace(configuration, network="no-such-network")
    async with open_docker_provisioner(elsewhere) as provisioner:
        with pytest.raises(Misconfigured, match="no-such-network"):
            await provisioner.launch(container_request(image=image, function="greet"), age=NEW)


async def test_a_bad_mount_is_the_operators_concern(configuration: DockerConfiguration, image: str) -> None:
    bad = dataclasses.replace(configuration, mounts=("relative/path/with/slash:/data",))
    async with open_docker_provisioner(bad) as provisioner:
        with pytest.raises(Misconfigured):
            await provisioner.launch(container_request(image=image, function="greet"), age=NEW)
