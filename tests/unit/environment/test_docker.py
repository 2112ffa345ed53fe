"""Settings of the docker provisioner."""

import pytest

from control_plane_server.provisioners.docker.configuration import PullPolicy, RegistryLogin
from environment.loading import SettingsError, load_settings
from environment.provisioner_names import ProvisionerName
from tests.unit.environment.examples import Example

EXAMPLE = Example("example-docker.env")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The example's, and nothing else of ours."""
    EXAMPLE.hold(monkeypatch)
    return monkeypatch


def problems() -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(ProvisionerName.DOCKER)
    return str(refused.value).splitlines()


def test_what_the_example_says_of_optional_settings_is_what_holds_without_them(
    environment: pytest.MonkeyPatch,
) -> None:
    without = load_settings(ProvisionerName.DOCKER).docker
    assert without is not None
    for name, value in EXAMPLE.variables(with_optional=True).items():
        environment.setenv(name, value)
    assert load_settings(ProvisionerName.DOCKER).docker == without


def test_optional_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DOCKER_MOUNTS", "/srv/data:/data:ro, models:/models")
    environment.setenv("DOCKER_REGISTRY_LOGINS", "ghcr.io=somebody:a:b=c, docker.io=x:y")
    environment.setenv("DOCKER_PULL", "always")
    environment.setenv("DOCKER_MAX_PROCESSES", "64")
    environment.setenv("DOCKER_CAPABILITIES", "CHOWN, NET_RAW")
    docker = load_settings(ProvisionerName.DOCKER).docker
    assert docker is not None
    assert docker.mounts == ("/srv/data:/data:ro", "models:/models")
    assert docker.logins == {
        "ghcr.io": RegistryLogin(username="somebody", password="a:b=c"),
        "docker.io": RegistryLogin(username="x", password="y"),
    }
    assert docker.pull is PullPolicy.ALWAYS
    assert (docker.max_processes, docker.capabilities) == (64, ("CHOWN", "NET_RAW"))
    assert "a:b=c" not in repr(docker)


def test_a_loopback_address_is_reached_on_the_servers_own_network_only(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONTROL_PLANE_API_URL", "http://127.0.0.1:5000")
    (line,) = problems()
    assert line.startswith("CONTROL_PLANE_API_URL: ")
    environment.setenv("DOCKER_NETWORK", "host")
    assert load_settings(ProvisionerName.DOCKER).docker is not None


def test_everything_that_is_missing_or_malformed_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in ("CONTROL_PLANE_API_KEY", "CONTROL_PLANE_API_URL", "POSTGRES_DB"):
        environment.delenv(name)
    malformed = {
        "DOCKER_HOST": "/var/run/docker.sock",
        "DOCKER_NETWORK": "-x",
        "DOCKER_INSTALLATION": "two words",
        "DOCKER_MOUNTS": "relative/path:/data",
        "DOCKER_REGISTRY_LOGINS": "ghcr.io=secret",
        "DOCKER_PULL": "sometimes",
        "DOCKER_LOG_MAX_MIB": "none",
        "DOCKER_MAX_PROCESSES": "63",
        "DOCKER_CAPABILITIES": "CHOWN,ALL",
        "DOCKER_RETENTION_HOURS": "0",
    }
    for name, value in malformed.items():
        environment.setenv(name, value)
    said = problems()
    missing = ("CONTROL_PLANE_API_KEY", "CONTROL_PLANE_API_URL", "POSTGRES_DB")
    assert sorted(line.partition(":")[0] for line in said) == sorted((*malformed, *missing))
    assert "secret" not in "\n".join(said)


def test_another_provisioner_needs_nothing_of_an_engine(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DOCKER_HOST", "nonsense")
    assert load_settings(ProvisionerName.PROCESS).docker is None
