"""What the user chooses about an embedded stack."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from environment.provisioner_names import ProvisionerName

DEFAULT_PORT = 5000
DEFAULT_TEMPORAL_PORT = 7233
DEFAULT_TEMPORAL_UI_PORT = 8233


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """`container_grace`: how long running containers may take to end when the stack stops."""

    data_dir: Path
    port: int = DEFAULT_PORT
    temporal_port: int = DEFAULT_TEMPORAL_PORT
    temporal_ui_port: int = DEFAULT_TEMPORAL_UI_PORT
    provisioner: ProvisionerName = ProvisionerName.PROCESS
    container_grace: timedelta = timedelta(seconds=10)
