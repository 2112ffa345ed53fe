"""Gives a task for a command the package `control_plane` and certificates for it: before the function's container, one
of an image of the control plane's runs, and copies what is in its /runtime into a volume of the task.

Source: Amazon ECS developer guide, "Container dependency" and "Bind mounts": such a volume belongs to root.
"""

from typing import TYPE_CHECKING

from control_plane_server.provisioners.runtime_location import RUNTIME_PATH

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import (
        ContainerDefinitionTypeDef,
        LogConfigurationTypeDef,
        MountPointTypeDef,
        VolumeTypeDef,
    )

RUNTIME_CONTAINER = "runtime"
_COPY_PATH = "/copy"  # not RUNTIME_PATH, which our own image uses itself

_VOLUME = "runtime"
# Readable for any user of the function. For the whole image and the small one alike: BusyBox knows no more options.
_COPY = 'cp -R runtime/. "$0" && chmod -R a+rX "$0"'


def volumes() -> "list[VolumeTypeDef]":
    return [{"name": _VOLUME}]


def runtime_container(image: str, *, log: "LogConfigurationTypeDef") -> "ContainerDefinitionTypeDef":
    """The container that copies /runtime of the image."""
    return {
        "name": RUNTIME_CONTAINER,
        "image": image,
        "essential": False,
        "user": "0",
        "workingDirectory": "/",
        "entryPoint": ["sh", "-c", _COPY],
        "command": [_COPY_PATH],
        "readonlyRootFilesystem": True,
        "mountPoints": [_mount(_COPY_PATH, read_only=False)],
        "logConfiguration": log,
    }


def with_runtime(container: "ContainerDefinitionTypeDef") -> "ContainerDefinitionTypeDef":
    """The function's container, which runs the program from the volume in place of what its image would run."""
    return {
        **container,
        "entryPoint": ["python3"],
        "command": ["-m", "control_plane"],
        "dependsOn": [{"containerName": RUNTIME_CONTAINER, "condition": "SUCCESS"}],
        "mountPoints": [_mount(RUNTIME_PATH, read_only=True)],
    }


def _mount(path: str, *, read_only: bool) -> "MountPointTypeDef":
    return {"sourceVolume": _VOLUME, "containerPath": path, "readOnly": read_only}
