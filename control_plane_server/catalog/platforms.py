"""What a function needs of its machine, as its row has it: one JSON object of what is asked for, or NULL."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from control_plane_server.domain.platforms import NO_PLATFORM, CpuArchitecture, Platform


def to_column(platform: Platform) -> dict[str, Any] | None:
    return {name: value for name, value in asdict(platform).items() if value is not None} or None


def to_platform(column: Mapping[str, Any] | None) -> Platform:
    """What a later release may have added is left out."""
    if column is None:
        return NO_PLATFORM
    architecture = column.get("cpu_architecture")
    return Platform(
        ephemeral_storage_gib=column.get("ephemeral_storage_gib"),
        cpu_architecture=CpuArchitecture(architecture) if architecture in set(CpuArchitecture) else None,
        gpus=column.get("gpus"),
        capacity=column.get("capacity"),
        task_role_arn=column.get("task_role_arn"),
    )
