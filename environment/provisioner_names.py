"""Which provisioners there are."""

from enum import StrEnum


class ProvisionerName(StrEnum):
    """Values of `--provisioner`."""

    PROCESS = "process"
    ECS = "ecs"
    DOCKER = "docker"
