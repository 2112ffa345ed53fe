"""What an error of the engine means: by status, and where that says too little, by text."""

import re

from aiodocker.exceptions import DockerError

from control_plane_server.domain.errors import ContainerError, FunctionFailure, Misconfigured, Unavailable

NOT_FOUND = 404
CONFLICT = 409
_BAD_PARAMETER = 400
_CANNOT_CONNECT = 900  # aiodocker's own

_NO_PROGRAM = re.compile(r"executable file not found|no such file or directory: unknown|permission denied: unknown")
# What a function asks for of its platform, and the engine does not have.
_LACKS = re.compile(r"storage-opt|storage opt|could not select device driver|nvidia-container", re.IGNORECASE)
_OPERATORS = re.compile(
    r"invalid Cap(Add|Drop)"
    r"|invalid mount config|bind source path|network \S+ not found|invalid (volume|mount)|volume name|docker-init"
)
_REFUSED_BY_THE_REGISTRY = re.compile(
    r"manifest unknown|not found|no such image|pull access denied|denied:|repository does not exist"
    r"|no matching manifest|invalid reference format",
    re.IGNORECASE,
)
_NOT_LOGGED_IN = re.compile(r"unauthorized|no basic auth credentials|authentication required", re.IGNORECASE)


def error_of(error: DockerError) -> ContainerError:
    """The error for a refused request that is no pull."""
    text = f"The Docker engine: {error.message}"
    if error.status == _CANNOT_CONNECT:
        return Unavailable(error.message)
    if _OPERATORS.search(error.message):
        return Misconfigured(text)
    if _LACKS.search(error.message):
        return FunctionFailure(text)
    if _NO_PROGRAM.search(error.message):
        return FunctionFailure(f"The image's program cannot be started: {error.message}")
    if error.status == _BAD_PARAMETER:
        return FunctionFailure(text)
    return Unavailable(text)


def is_of_missing_program(error: FunctionFailure) -> bool:
    """Whether the engine would have started the container, had its image such a program."""
    refusal = error.__cause__
    return isinstance(refusal, DockerError) and _NO_PROGRAM.search(refusal.message) is not None


def refused_pull(image: str, error: DockerError) -> ContainerError:
    """The error for an image that could not be pulled: whether the image, its credentials or the registry is at
    fault."""
    text = f"The image {image!r} cannot be pulled: {error.message}"
    if error.status == _CANNOT_CONNECT:
        return Unavailable(error.message)
    if _NOT_LOGGED_IN.search(error.message):
        return Misconfigured(text)
    if error.status in (_BAD_PARAMETER, NOT_FOUND) or _REFUSED_BY_THE_REGISTRY.search(error.message):
        return FunctionFailure(text)
    return Unavailable(text)
