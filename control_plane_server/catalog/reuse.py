"""How a function's containers are reused, as its row has it: one JSON object, or NULL: not at all."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from control_plane_server.domain.reuse import Isolation, ReuseSpec


def to_reuse_column(reuse: ReuseSpec | None) -> dict[str, Any] | None:
    return None if reuse is None else asdict(reuse)


def to_reuse(column: Mapping[str, Any] | None) -> ReuseSpec | None:
    """What a later release may have added is left out."""
    if column is None:
        return None
    return ReuseSpec(
        idle_seconds=column["idle_seconds"],
        min_idle=column["min_idle"],
        max_executions=column["max_executions"],
        isolation=Isolation(column["isolation"]),
    )
