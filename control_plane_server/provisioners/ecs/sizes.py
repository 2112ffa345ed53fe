"""Sizes of tasks: those that Fargate offers on Linux, and which of them a request gets.

Source: Amazon ECS developer guide, "Task CPU and memory".
"""

from dataclasses import dataclass

from control_plane_server.domain.specs import ResourceSpec

UNITS_PER_CPU = 1_024
MIB_PER_GB = 1_024
# Rounding errors must not count: 0.1 + 0.2 of a CPU must fit where 0.3 does.
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSize:
    """CPU in units of 1/1,024 vCPU, memory in MiB."""

    cpu: int
    memory: int


# Smallest CPU first, and for each CPU smallest memory first.
FARGATE_SIZES: tuple[TaskSize, ...] = tuple(
    TaskSize(cpu=cpu, memory=memory)
    for cpu, memories in (
        (256, (512, 1_024, 2_048)),
        (512, range(1_024, 4_096 + 1, 1_024)),
        (1_024, range(2_048, 8_192 + 1, 1_024)),
        (2_048, range(4_096, 16_384 + 1, 1_024)),
        (4_096, range(8_192, 30_720 + 1, 1_024)),
        (8_192, range(16_384, 61_440 + 1, 4_096)),
        (16_384, range(32_768, 122_880 + 1, 8_192)),
    )
    for memory in memories
)


def size_for(spec: ResourceSpec) -> TaskSize:
    """Of Fargate's the smallest CPU, and with it the smallest memory, that hold the request: each legal one fits."""
    return next(
        size
        for size in FARGATE_SIZES
        if size.cpu >= (spec.virtual_cpus - TOLERANCE) * UNITS_PER_CPU
        and size.memory >= (spec.memory_gbs - TOLERANCE) * MIB_PER_GB
    )
