"""What the user chooses about an embedded stack."""

from dataclasses import dataclass
from pathlib import Path

from environment.provisioner_names import ProvisionerName

DEFAULT_PORT = 5000
DEFAULT_TEMPORAL_PORT = 7233
DEFAULT_TEMPORAL_UI_PORT = 8233


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    data_dir: Path
    port: int = DEFAULT_PORT
    temporal_port: int = DEFAULT_TEMPORAL_PORT
    temporal_ui_port: int = DEFAULT_TEMPORAL_UI_PORT
    provisioner: ProvisionerName = ProvisionerName.PROCESS
