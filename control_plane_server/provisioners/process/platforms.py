"""What processes of this machine have of a platform: its CPU, and nothing that could be asked for beside it."""

import platform as machine

from control_plane_server.domain.platforms import Platform
from control_plane_server.provisioners.platforms import architecture_of, refuse, refuse_another_architecture


def refuse_what_processes_lack(platform: Platform) -> None:
    """Raises FunctionFailure."""
    lacks = "containers that are processes of this machine have"
    refuse("ephemeral_storage_gib", platform.ephemeral_storage_gib, f"{lacks} its disk, without a limit of their own")
    refuse("gpus", platform.gpus, f"{lacks} no devices of their own")
    refuse("capacity", platform.capacity, f"{lacks} this machine alone")
    refuse("task_role_arn", platform.task_role_arn, f"{lacks} no role in AWS")
    refuse_another_architecture(platform, architecture_of(machine.machine()))
