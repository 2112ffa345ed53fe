"""Builds the engine's request for a container: a pure function of our request and the operator's settings.

Source of the fields: Docker Engine API, "Create a container".
"""

from typing import Any

from control_plane_server.domain.containers import ContainerRequest
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.platforms import host_options
from control_plane_server.provisioners.runtime_location import RUNTIME_PATH
from control_plane_server.provisioners.variables import container_variables

INSTALLATION = "control-plane.installation"
CONTAINER = "control-plane.worker"  # as releases before named it: theirs may still run
_HOST = "host.docker.internal:host-gateway"
_HOST_NETWORK = "host"
_LOG_FILES = 2


def container_options(request: ContainerRequest, configuration: DockerConfiguration) -> dict[str, Any]:
    """The body of "Create a container". No swap beside the memory. An engine that shuts down kills containers at once:
    after a SIGTERM that we did not send the function would report an abort, while a killed container is launched
    again."""
    memory = memory_bytes(request.resource_spec.memory_gbs)
    environment = container_variables(
        request,
        api_url=configuration.api_url,
        stop_grace=configuration.stop_grace,
        ca_certificates=configuration.ca_certificates,
    )
    container: dict[str, Any] = {
        "Image": request.prepared_identifier,
        "StopSignal": "SIGKILL",
        "Labels": {INSTALLATION: configuration.installation, CONTAINER: str(request.name)},
        "HostConfig": {
            "Init": True,  # else the kernel keeps signals from a program that has no handler for them yet
            "NanoCpus": nano_cpus(request.resource_spec.virtual_cpus),
            "Memory": memory,
            "MemorySwap": memory,
            "PidsLimit": configuration.max_processes,
            "CapDrop": ["ALL"],
            "CapAdd": list(configuration.capabilities),
            "SecurityOpt": ["no-new-privileges"],
            "NetworkMode": configuration.network,
            "ExtraHosts": [] if configuration.network == _HOST_NETWORK else [_HOST],
            "Binds": list(configuration.mounts),
            "LogConfig": {
                "Type": "local",  # keeps bytes as they are; json-file breaks characters of long lines
                "Config": {
                    "max-size": f"{max(1, configuration.log_max_mib // _LOG_FILES)}m",
                    "max-file": str(_LOG_FILES),
                },
            },
            **host_options(request.platform),
        },
    }
    if request.command is not None:
        container |= {"Entrypoint": ["python3", "-m", "control_plane"], "Cmd": []}
        environment["PYTHONPATH"] = RUNTIME_PATH
    return container | {"Env": [f"{name}={value}" for name, value in environment.items()]}


def memory_bytes(gbs: float) -> int:
    """At least 6 MiB, the least that an engine accepts. `gbs`: of 1,024 MiB."""
    return max(6, round(gbs * 1_024)) * 1_024 * 1_024


def nano_cpus(virtual_cpus: float) -> int:
    """Billionths of a CPU, at least a hundredth of a CPU, the least that an engine accepts."""
    return max(10_000_000, round(virtual_cpus * 1_000_000_000))
