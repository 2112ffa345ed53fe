"""How to reach a stack that runs; kept in its folder, so that other commands find it."""

import json
import os
from dataclasses import asdict

from control_plane.access.local_stacks import StackAccess, access_to

from control_plane_server.cli.stack.folder import DataFolder


def note_access(folder: DataFolder, access: StackAccess) -> None:
    """Readable by its owner alone: the API key is in it."""
    draft = folder.access.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(access), file)
    draft.replace(folder.access)


def find_access(folder: DataFolder) -> StackAccess | None:
    """The stack that runs on the folder, None if none does or it is not ready yet."""
    return access_to(folder.path)
