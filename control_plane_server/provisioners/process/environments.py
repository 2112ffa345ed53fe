"""The environment of a container: its own variables, and those of ours that are no secrets."""

import os
from datetime import timedelta
from pathlib import Path

from control_plane_server.domain.containers import ContainerRequest
from control_plane_server.provisioners.variables import container_variables

# Nothing else: our own environment holds the root key and the database's password.
_INHERITED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


def inherited_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def container_environment(
    request: ContainerRequest, *, api_url: str, python_path: Path, stop_grace: timedelta
) -> dict[str, str]:
    """All variables of a container. `python_path`: the folder that holds the package `control_plane`."""
    ours = container_variables(request, api_url=api_url, stop_grace=stop_grace)
    return inherited_environment() | ours | {"PYTHONPATH": str(python_path)}
