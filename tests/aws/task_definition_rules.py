"""What ECS refuses in a task definition, and moto takes."""

import json
import re
import unicodedata

from tests.aws import container_rules
from tests.aws.errors import client_error, invalid_parameter
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
_MOST_BYTES = 64 << 10
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_COMPATIBILITIES = {"FARGATE", "EC2", "MANAGED_INSTANCES", "EXTERNAL"}


def check(definition: Document) -> None:
    """Raises AwsError."""
    compatibilities = definition.get("requiresCompatibilities", [])
    length = len(json.dumps(definition, separators=(",", ":"), ensure_ascii=False).encode())
    if length > _MOST_BYTES:
        raise client_error(f"Actual length: '{length}'. Max allowed length is '{_MOST_BYTES}' bytes.")
    if not _FAMILY.fullmatch(definition.get("family", "")):
        raise client_error("Family contains invalid characters.")
    container_rules.check(definition)
    check_tags(definition.get("tags", []))
    if unknown := sorted(set(compatibilities) - _COMPATIBILITIES):
        raise invalid_parameter(f"Invalid requiresCompatibilities: {', '.join(unknown)}")
    architecture = definition.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")
    if architecture not in ("X86_64", "ARM64"):
        raise client_error(f"Invalid cpuArchitecture '{architecture}'.")
    _check_gpus(definition, may_have_gpus="FARGATE" not in compatibilities)
    if "FARGATE" not in compatibilities:
        _check_elsewhere(definition)
        return
    storage = definition.get("ephemeralStorage")
    if storage is not None and not 21 <= storage.get("sizeInGiB", 0) <= 200:
        raise client_error("Ephemeral storage size must be between 21 and 200 GiB.")
    cpu, memory = str(definition.get("cpu", "")), str(definition.get("memory", ""))
    if not cpu.isdecimal() or not memory.isdecimal() or int(memory) not in _MEMORY_MIB.get(int(cpu), ()):
        raise client_error(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
            "documentation for the valid values."
        )
    _check_dependencies(definition)
    for container in definition.get("containerDefinitions", []):
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


def _check_gpus(definition: Document, *, may_have_gpus: bool) -> None:
    for container in definition.get("containerDefinitions", []):
        for resource in container.get("resourceRequirements", []):
            if resource["type"] != "GPU" or not str(resource["value"]).isdecimal() or int(resource["value"]) < 1:
                raise client_error(f"Invalid resourceRequirements: {resource['type']} {resource['value']}.")
            if not may_have_gpus:
                raise client_error("Tasks using the Fargate launch type do not support GPU resource requirements.")


def _check_elsewhere(definition: Document) -> None:
    """On EC2 and Managed Instances sizes are free."""
    if "ephemeralStorage" in definition:
        raise client_error("Ephemeral storage can only be specified for tasks that are compatible with FARGATE.")
    cpu, memory = str(definition.get("cpu", "")), str(definition.get("memory", ""))
    if cpu and not (cpu.isdecimal() and 128 <= int(cpu) <= 196_608):
        raise client_error("Invalid 'cpu' setting for task. It must be between 128 and 196608 CPU units.")
    if memory and not (memory.isdecimal() and int(memory) >= 6):
        raise client_error("Invalid 'memory' setting for task.")


def check_tags(tags: list[Document]) -> None:
    """Raises AwsError."""
    if len(tags) > 50:
        raise invalid_parameter("The maximum number of tags per resource is 50.")
    keys = [tag.get("key", "") for tag in tags]
    if len(set(keys)) < len(keys):
        raise invalid_parameter("Duplicate tag keys are not allowed.")
    for tag in tags:
        if not 1 <= len(tag.get("key", "")) <= 128 or len(tag.get("value", "")) > 256:
            raise invalid_parameter("A tag key has 1 to 128 characters and a value at most 256.")
        if tag["key"].lower().startswith("aws:"):
            raise invalid_parameter("Tag keys cannot start with aws:")
        if not all(map(_is_legal, tag["key"] + tag.get("value", ""))):
            raise invalid_parameter("Tags have letters, digits, spaces, and _ . : / = + - @")


def _is_legal(character: str) -> bool:
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LNZ"


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
