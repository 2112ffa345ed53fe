"""Reads all settings of a process: this package is the only reader of the environment."""

from dataclasses import dataclass

from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from environment.aws import AwsSettings
from environment.blobs import BlobSettings
from environment.docker import DockerSettings
from environment.metrics_settings import MetricsSettings
from environment.provisioner_names import ProvisionerName
from environment.settings import ControlPlaneSettings, PostgresSettings, load_group
from environment.tracing import TracingSettings


class SettingsError(Exception):
    """Settings are missing or malformed: one line per problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`ecs` and `docker` are there with the provisioner of that name only."""

    control_plane: ControlPlaneSettings
    postgres: PostgresSettings
    metrics: MetricsSettings
    tracing: TracingSettings
    blobs: BlobSettings
    ecs: EcsConfiguration | None
    docker: DockerConfiguration | None


def load_settings(provisioner: ProvisionerName) -> Settings:
    """The settings of a process. Raises SettingsError, which holds every problem of every group."""
    problems: list[str] = []
    control_plane = load_group(ControlPlaneSettings, problems)
    postgres = load_group(PostgresSettings, problems)
    metrics = load_group(MetricsSettings, problems)
    tracing = load_group(TracingSettings, problems)
    blobs = load_group(BlobSettings, problems)
    aws = load_group(AwsSettings, problems) if provisioner is ProvisionerName.ECS else None
    docker = load_group(DockerSettings, problems) if provisioner is ProvisionerName.DOCKER else None
    if control_plane is None or postgres is None or metrics is None or tracing is None or blobs is None or problems:
        raise SettingsError("\n".join(problems))
    return Settings(
        control_plane=control_plane,
        postgres=postgres,
        metrics=metrics,
        tracing=tracing,
        blobs=blobs,
        ecs=None if aws is None else aws.configuration(control_plane),
        docker=None if docker is None else docker.configuration(control_plane),
    )


def load_postgres() -> PostgresSettings:
    """The settings of the catalog alone. Raises SettingsError."""
    problems: list[str] = []
    postgres = load_group(PostgresSettings, problems)
    if postgres is None:
        raise SettingsError("\n".join(problems))
    return postgres
