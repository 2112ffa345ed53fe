"""What Fargate refuses in a task definition, and moto takes."""

from tests.aws.errors import client_error
from tests.aws.wire import Document

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
_MEMORY_MIB = {
    256: (512, 1_024, 2_048),
    512: range(1_024, 4_096 + 1, 1_024),
    1_024: range(2_048, 8_192 + 1, 1_024),
    2_048: range(4_096, 16_384 + 1, 1_024),
    4_096: range(8_192, 30_720 + 1, 1_024),
    8_192: range(16_384, 61_440 + 1, 4_096),
    16_384: range(32_768, 122_880 + 1, 8_192),
}
_LONGEST_STOP_TIMEOUT = 120


def check(definition: Document) -> None:
    """Raises AwsError."""
    if "FARGATE" not in definition.get("requiresCompatibilities", []):
        return
    cpu, memory = str(definition.get("cpu", "")), str(definition.get("memory", ""))
    if not cpu.isdecimal() or not memory.isdecimal() or int(memory) not in _MEMORY_MIB.get(int(cpu), ()):
        raise client_error(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
            "documentation for the valid values."
        )
    _check_dependencies(definition)
    for container in definition.get("containerDefinitions", []):
        if not container.get("image"):
            raise client_error("Container.image should not be null or empty.")
        if container.get("stopTimeout", 0) > _LONGEST_STOP_TIMEOUT:
            raise client_error(f"stopTimeout must be at most {_LONGEST_STOP_TIMEOUT} seconds on Fargate.")
        log = container.get("logConfiguration", {})
        if log.get("logDriver") != "awslogs":
            continue
        if not definition.get("executionRoleArn"):
            raise client_error(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            )
        for option in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix"):
            if not log.get("options", {}).get(option):
                raise client_error(f"Log driver awslogs requires options: {option}")


def _check_dependencies(definition: Document) -> None:
    containers = {each["name"]: each for each in definition.get("containerDefinitions", [])}
    volumes = {each["name"] for each in definition.get("volumes", [])}
    if not any(each.get("essential", True) for each in containers.values()):
        raise client_error("Invalid setting for container. At least one container should be essential.")
    for container in containers.values():
        for dependency in container.get("dependsOn", []):
            awaited = containers.get(dependency["containerName"])
            if awaited is None:
                raise client_error(f"Dependency container {dependency['containerName']} does not exist.")
            if dependency["condition"] in ("SUCCESS", "COMPLETE") and awaited.get("essential", True):
                raise client_error(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container."
                )
        for mount in container.get("mountPoints", []):
            if mount["sourceVolume"] not in volumes:
                raise client_error(f"Unknown volume '{mount['sourceVolume']}'.")
