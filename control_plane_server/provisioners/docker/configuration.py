"""What an operator decides about containers on a Docker engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class PullPolicy(StrEnum):
    """When preparing a function pulls its image. Launches run the image that was found then."""

    MISSING = "missing"  # only if the engine has none of that name
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLogin:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerConfiguration:
    """`installation` tells our containers from those of another control plane on the same engine.

    `api_url`: as containers reach the API. `mounts`: `source:target[:options]` as Docker knows them, for every
    container. `logins` by the registry's host. `retention`: how long containers that have ended are kept, and their
    logs. `log_max_mib`: of one container, in MiB. `max_processes`: of one container, threads included. `capabilities`:
    of Linux, without CAP_; containers have no others. `ca_certificates`: in PEM, of authorities that containers trust
    beside those of their images.
    """

    engine_url: str
    installation: str
    api_url: str
    network: str
    stop_grace: timedelta
    retention: timedelta
    log_max_mib: int
    max_processes: int = 1_024
    capabilities: tuple[str, ...] = ()
    pull: PullPolicy = PullPolicy.MISSING
    mounts: tuple[str, ...] = ()
    logins: Mapping[str, RegistryLogin] = field(default_factory=dict)
    ca_certificates: str | None = None
