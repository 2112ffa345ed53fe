"""How a task for a command gets the program that runs commands: before the function's container, one of the control
plane's own image runs and copies it into a volume of the task.

Source: Amazon ECS developer guide, "Container dependency" and "Bind mounts": such a volume belongs to root.
"""

from typing import TYPE_CHECKING

from provisioners.runtime_source import RUNTIME_PATH

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import (
        ContainerDefinitionTypeDef,
        LogConfigurationTypeDef,
        MountPointTypeDef,
        VolumeTypeDef,
    )

RUNTIME_CONTAINER = "runtime"
_COPY_PATH = "/copy"  # at RUNTIME_PATH our own image has something

_VOLUME = "runtime"


def volumes() -> "list[VolumeTypeDef]":
    return [{"name": _VOLUME}]


def runtime_container(image: str, *, log: "LogConfigurationTypeDef") -> "ContainerDefinitionTypeDef":
    """Copies the package `runtime`, which is at /runtime in our image, readable for whatever user the function has."""
    return {
        "name": RUNTIME_CONTAINER,
        "image": image,
        "essential": False,
        "user": "0",
        "workingDirectory": "/",
        "entryPoint": ["cp"],
        "command": ["--recursive", "--no-preserve=mode", "runtime", _COPY_PATH],
        "readonlyRootFilesystem": True,
        "mountPoints": [_mount(_COPY_PATH, read_only=False)],
        "logConfiguration": log,
    }


def with_runtime(container: "ContainerDefinitionTypeDef") -> "ContainerDefinitionTypeDef":
    """The function's container, which runs the program from the volume in place of what its image would run."""
    return {
        **container,
        "entryPoint": ["python3"],
        "command": ["-m", "runtime"],
        "dependsOn": [{"containerName": RUNTIME_CONTAINER, "condition": "SUCCESS"}],
        "mountPoints": [_mount(RUNTIME_PATH, read_only=True)],
    }


def _mount(path: str, *, read_only: bool) -> "MountPointTypeDef":
    return {"sourceVolume": _VOLUME, "containerPath": path, "readOnly": read_only}
