"""What the docker provisioner needs of an engine and its machine."""

import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from control_plane_server.provisioners.docker.configuration import DockerConfiguration, PullPolicy, RegistryLogin
from environment.comma_separated import Words, all_matching
from environment.settings import ControlPlaneSettings

_MOUNT = re.compile(r"(/[^:,]*|[A-Za-z0-9][A-Za-z0-9_.-]+):/[^:,]*(:[A-Za-z]+)?")
_LOGIN = re.compile(r"(?P<registry>[^=\s]+)=(?P<username>[^:\s]+):(?P<password>.+)")
_LOOPBACK = re.compile(r"localhost|127\..*|::1")
_CAPABILITY = re.compile(r"(?!ALL$|CAP_)[A-Z][A-Z_]*")
_ENGINE = re.compile(r"unix://.+|https?://.+|tcp://.+")


def _logins(value: object) -> object:
    """A password may hold anything but a comma."""
    if not isinstance(value, str):
        return value
    found = [_LOGIN.fullmatch(word.strip()) for word in value.split(",") if word.strip()]
    if not all(found):
        raise ValueError("must be registry=username:password, comma separated")
    return {match["registry"]: f"{match['username']}:{match['password']}" for match in found if match}


def _engine(value: str) -> str:
    if _ENGINE.fullmatch(value) is None:
        raise ValueError("must be unix:///path or tcp://host:port")
    return value


Mounts = Annotated[
    Words,
    all_matching(_MOUNT, "must be /source:/target or /source:/target:ro, comma separated"),
]
Capabilities = Annotated[
    Words,
    all_matching(_CAPABILITY, "must be capabilities of Linux without CAP_, comma separated"),
]
Logins = Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_logins)]


class DockerSettings(BaseSettings):
    """DOCKER_*: read with --provisioner=docker only."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    docker_host: Annotated[str, AfterValidator(_engine)] = "unix:///var/run/docker.sock"
    docker_installation: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,63}$")] = "control-plane"
    docker_network: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = "bridge"
    docker_mounts: Mounts = ()  # /srv/data:/data:ro
    docker_registry_logins: Logins = {}  # ghcr.io=user:password
    docker_pull: PullPolicy = PullPolicy.MISSING
    docker_log_max_mib: Annotated[int, Field(ge=2)] = 100  # of one container; of a longer log the beginning is dropped
    docker_max_processes: Annotated[int, Field(ge=64)] = 1_024  # of one container, threads included
    docker_capabilities: Capabilities = ()  # CHOWN,SETUID: what containers may do beside nothing
    docker_retention_hours: Annotated[float, Field(gt=0)] = 24  # of containers that have ended, with their logs
    control_plane_api_url: str  # without a default: a container's loopback address is its own

    @field_validator("control_plane_api_url")
    @classmethod
    def _is_reached_by_containers(cls, value: str, info: ValidationInfo) -> str:
        host = urlsplit(value).hostname
        if host is None or (info.data.get("docker_network") != "host" and _LOOPBACK.fullmatch(host)):
            raise ValueError(
                "must be a URL that containers reach: a loopback address only where DOCKER_NETWORK is host"
            )
        return value

    def configuration(self, control_plane: ControlPlaneSettings) -> DockerConfiguration:
        """The provisioner's configuration. `control_plane`: for the grace period."""
        return DockerConfiguration(
            engine_url=self.docker_host,
            installation=self.docker_installation,
            api_url=self.control_plane_api_url,
            ca_certificates=control_plane.ca_certificates,
            network=self.docker_network,
            stop_grace=control_plane.stop_grace,
            retention=timedelta(hours=self.docker_retention_hours),
            log_max_mib=self.docker_log_max_mib,
            max_processes=self.docker_max_processes,
            capabilities=self.docker_capabilities,
            pull=self.docker_pull,
            mounts=self.docker_mounts,
            logins={
                registry: _login(secret.get_secret_value()) for registry, secret in self.docker_registry_logins.items()
            },
        )


def _login(text: str) -> RegistryLogin:
    username, _, password = text.partition(":")
    return RegistryLogin(username=username, password=password)
