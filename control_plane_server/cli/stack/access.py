"""How to reach a stack that runs; kept in its folder, so that other commands find it."""

import json
import os
from dataclasses import asdict, dataclass, field

from control_plane_server.cli.stack.folder import DataFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAccess:
    """`pid`: the process to send SIGTERM to. `web_ui_url` is None where Temporal is another's: it does not say."""

    pid: int
    api_url: str
    api_key: str = field(repr=False)
    temporal_address: str
    temporal_namespace: str
    web_ui_url: str | None
    provisioner: str

    def history_url(self, workflow_id: str) -> str | None:
        """Where the Web UI shows a workflow."""
        if self.web_ui_url is None:
            return None
        return f"{self.web_ui_url}/namespaces/{self.temporal_namespace}/workflows/{workflow_id}"


def note_access(folder: DataFolder, access: StackAccess) -> None:
    """Readable by its owner alone: the API key is in it."""
    draft = folder.access.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(access), file)
    draft.replace(folder.access)


def find_access(folder: DataFolder) -> StackAccess | None:
    """The stack that runs on the folder, None if none does or it is not ready yet."""
    holder = folder.holder()
    try:
        access = StackAccess(**json.loads(folder.access.read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return access if access.pid == holder else None
