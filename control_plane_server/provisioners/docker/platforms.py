"""What an engine has of a platform: GPUs and storage where it can give them. A container that never runs tells."""

import uuid
from typing import Any

from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.failures import is_of_missing_program
from control_plane_server.provisioners.platforms import architecture_of, refuse, refuse_another_architecture

_NO_PROGRAM = "/control-plane/no-program"


def host_options(platform: Platform) -> dict[str, Any]:
    """A part of HostConfig (Docker Engine API, "Create a container")."""
    options: dict[str, Any] = {}
    if platform.gpus is not None:
        options["DeviceRequests"] = [{"Driver": "", "Count": platform.gpus, "Capabilities": [["gpu"]]}]
    if platform.ephemeral_storage_gib is not None:
        options["StorageOpt"] = {"size": f"{platform.ephemeral_storage_gib}G"}
    return options


def refuse_what_engines_lack(platform: Platform, *, engine_architecture: str) -> None:
    """Raises FunctionFailure."""
    refuse("capacity", platform.capacity, "a Docker engine has its own machine alone")
    refuse("task_role_arn", platform.task_role_arn, "containers on a Docker engine have no role in AWS")
    refuse_another_architecture(platform, architecture_of(engine_architecture))


async def ensure_engine_has(platform: Platform, engine: Engine, *, image: str, labels: dict[str, str]) -> None:
    """Raises FunctionFailure with the engine's words. What it can give depends on drivers and file systems, which it
    does not tell, so it is asked for a container whose program does not exist: it gets as far as that, or says what is
    missing. `labels`: by which housekeeping removes one that is left."""
    options = host_options(platform)
    if not options:
        return
    probe = {"Image": image, "Entrypoint": [_NO_PROGRAM], "Cmd": [], "Labels": labels, "HostConfig": options}
    identifier = await engine.create(f"control-plane-probe-{uuid.uuid4().hex}", probe)
    try:
        await engine.start(identifier)
    except FunctionFailure as error:
        if not is_of_missing_program(error):
            raise
    finally:
        await engine.remove(identifier)
