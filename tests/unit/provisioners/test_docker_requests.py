"""What is asked of a Docker engine for a container."""

from dataclasses import replace
from datetime import timedelta

from control_plane_server.domain.containers import ContainerRequest
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.requests import container_options
from tests.provisioners.ecs.builders import container_request

CONFIGURATION = DockerConfiguration(
    engine_url="unix:///nowhere",
    installation="test",
    api_url="http://api:5000",
    network="workers",
    stop_grace=timedelta(seconds=10),
    retention=timedelta(hours=1),
    log_max_mib=100,
)
REQUEST: ContainerRequest = container_request("image:1")


def test_a_container_can_do_little_to_its_server() -> None:
    limits = container_options(REQUEST, CONFIGURATION)["HostConfig"]
    assert limits["PidsLimit"] == 1_024
    assert limits["CapDrop"] == ["ALL"]
    assert limits["CapAdd"] == []
    assert limits["SecurityOpt"] == ["no-new-privileges"]


def test_an_operator_may_allow_more() -> None:
    chosen = replace(CONFIGURATION, max_processes=5_000, capabilities=("SETUID", "SETGID"))
    limits = container_options(REQUEST, chosen)["HostConfig"]
    assert (limits["PidsLimit"], limits["CapDrop"], limits["CapAdd"]) == (5_000, ["ALL"], ["SETUID", "SETGID"])


def test_a_container_has_the_environment_that_its_function_declares_and_what_is_ours() -> None:
    environment = {"MODE": "fast", "LINES": "1\n2", "MULTINODE_API_URL": "http://elsewhere"}
    variables = container_options(replace(REQUEST, environment=environment), CONFIGURATION)["Env"]
    assert {"MODE=fast", "LINES=1\n2", "MULTINODE_API_URL=http://api:5000"} <= set(variables)
