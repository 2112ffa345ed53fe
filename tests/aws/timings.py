"""How long Fargate takes for each state of a task, by public task records, and how much faster the stand-in is."""

# Seconds. Created to started: 21 to 31. A container's end to STOPPED: 23 to 33, of which ECS notices nothing for 10.
ON_FARGATE = {
    "provisioning_seconds": 10.0,
    "pulling_seconds": 13.0,
    "activating_seconds": 4.0,
    "noticing_seconds": 10.0,
    "deactivating_seconds": 1.0,
    "stopping_seconds": 2.0,
    "deprovisioning_seconds": 12.0,
}
SCALE = 0.01  # a start takes 0.27 s, an end 0.25 s


def timings(scale: float = SCALE) -> dict[str, float]:
    """What `Settings` have of it, in seconds. 1: as on Fargate."""
    return {name: seconds * scale for name, seconds in ON_FARGATE.items()}
