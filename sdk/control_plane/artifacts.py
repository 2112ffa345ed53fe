"""Files that an execution keeps: `cp.artifacts.put("report.pdf")` in the code of a function.

They are listed and downloaded with `control-plane artifacts`, and deleted with their invocation.
"""

from __future__ import annotations

import os

from control_plane.context import of_blocks, of_call
from control_plane.errors import ControlPlaneError

_MAX_NAME_BYTES = 240


def put(path: str | os.PathLike[str], name: str | None = None) -> None:
    """Keep a file as it is now, under its own name or another one; it is sent in pieces, up to 5 GiB. Of files of
    the same name in one execution the newest stays.

    Raises OSError if it cannot be read, IsADirectoryError for a folder, ValueError for a name that is no file's name,
    Refused where the control plane has no store, and Unreachable. In a test it is only looked at.
    """
    path = os.fspath(path)
    name = os.path.basename(os.path.abspath(path)) if name is None else name
    if not name or "/" in name or name in (".", ".."):
        raise ValueError("%r cannot be the name of an artifact: name it like a file, without slashes" % name)
    if len(name.encode("utf-8", "surrogateescape")) > _MAX_NAME_BYTES:
        raise ValueError("%r is too long for the name of an artifact: at most 240 bytes of UTF-8" % name)
    with open(path, "rb"):
        pass
    if of_call.get() is not None or of_blocks:
        return
    if not os.environ.get("MULTINODE_EXECUTION_ID"):
        raise ControlPlaneError(
            "artifacts are kept by code that runs in a container; in a test put `with cp.testing.local():` around it"
        )
    # Tests and applications have no use for these.
    from control_plane.container.api import Api  # noqa: PLC0415
    from control_plane.container.blobs import ExecutionBlobs  # noqa: PLC0415
    from control_plane.container.environment import Environment  # noqa: PLC0415
    from control_plane.container.executions import path_of  # noqa: PLC0415

    environment = Environment.from_variables(os.environ)
    api = Api(environment.api_url, environment.api_key)
    ExecutionBlobs(api, path_of(environment)).put_artifact(path, name)
