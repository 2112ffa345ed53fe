"""What a function is declared as, in words."""

from control_plane_server.domain.entities import Function
from control_plane_server.domain.specs import Concurrency

Fact = tuple[str, str]


def limits(function: Function) -> list[Fact]:
    """What holds for it, as names and values."""
    resources, execution = function.resource_spec, function.execution_spec
    shared = ", all versions together" if resources.concurrency is Concurrency.FUNCTION else ""
    facts = [
        ("CPU", f"{resources.virtual_cpus:g} vCPU"),
        ("Memory", f"{resources.memory_gbs:g} GB"),
        ("At once", f"{resources.max_concurrency:,}{shared}"),
        ("Timeout", _seconds(execution.timeout_seconds)),
        ("Retries", f"{execution.max_retries}"),
    ]
    if execution.attempt_timeout_seconds is not None:
        facts.append(("Timeout of an attempt", _seconds(execution.attempt_timeout_seconds)))
    if execution.queue_timeout_seconds is not None:
        facts.append(("Timeout in the queue", _seconds(execution.queue_timeout_seconds)))
    return facts + _machine(function)


def _machine(function: Function) -> list[Fact]:
    platform, reuse = function.platform, function.reuse
    facts = []
    if platform.gpus is not None:
        facts.append(("GPUs", f"{platform.gpus}"))
    if platform.cpu_architecture is not None:
        facts.append(("Architecture", str(platform.cpu_architecture)))
    if platform.capacity is not None:
        facts.append(("Capacity", platform.capacity))
    if platform.ephemeral_storage_gib is not None:
        facts.append(("Disk", f"{platform.ephemeral_storage_gib} GiB"))
    if reuse is not None:
        facts.append(("Kept containers", f"for {_seconds(reuse.idle_seconds)}, at least {reuse.min_idle}"))
    return facts


def _seconds(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds:,} s"
