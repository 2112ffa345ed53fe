"""What is asked of ECS for what a function needs of its machine."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from control_plane_server.domain.errors import FunctionFailure, Unavailable
from control_plane_server.domain.platforms import CpuArchitecture, Platform
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.ecs import requests
from control_plane_server.provisioners.ecs.configuration import CapacityProvider
from control_plane_server.provisioners.ecs.platforms import Host, host_of, size_on, wanted_providers
from tests.provisioners.ecs.builders import ROLE, configuration, container_request, function

DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/multinode-worker-a-b:1"
MODEL = botocore.session.get_session().get_service_model("ecs")
_COMPATIBILITIES: list[str] = MODEL.shape_for("Compatibility").enum  # type: ignore[attr-defined]
MACHINES = "provider:machines"


def definition(platform: Platform, *, host: Host = Host.FARGATE, **resources: Any) -> Any:
    spec = replace(function().resource_spec, **resources)
    made = replace(function(), platform=platform, resource_spec=spec)
    chosen = replace(configuration(), allowed_task_role_arns=(ROLE + "reports",))
    return is_valid("RegisterTaskDefinition", requests.task_definition(made, chosen, host=host))


def run(platform: Platform, **settings: Any) -> Any:
    request = replace(container_request(DEFINITION), platform=platform)
    return is_valid("RunTask", requests.task(request, replace(configuration(), **settings)))


def is_valid(operation: str, request: Any) -> Any:
    """By botocore's own model, enumerations too, which it does not check."""
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    for compatibility in request.get("requiresCompatibilities", []):
        assert compatibility in _COMPATIBILITIES
    return request


def test_what_is_not_asked_for_is_not_sent() -> None:
    plain = definition(Platform())
    assert "ephemeralStorage" not in plain
    assert "resourceRequirements" not in plain["containerDefinitions"][0]
    assert plain["requiresCompatibilities"] == ["FARGATE"]
    assert "capacityProviderStrategy" not in run(Platform())


@pytest.mark.parametrize("architecture", CpuArchitecture)
def test_storage_and_architecture_on_fargate(architecture: CpuArchitecture) -> None:
    made = definition(Platform(ephemeral_storage_gib=200, cpu_architecture=architecture))
    assert made["ephemeralStorage"] == {"sizeInGiB": 200}
    assert made["runtimePlatform"] == {"operatingSystemFamily": "LINUX", "cpuArchitecture": architecture}


@pytest.mark.parametrize("host", [Host.EC2, Host.MANAGED_INSTANCES])
def test_gpus_and_sizes_of_ones_own_elsewhere(host: Host) -> None:
    made = definition(Platform(gpus=4, capacity=MACHINES), host=host, virtual_cpus=7.3, memory_gbs=100.1)
    assert made["requiresCompatibilities"] == [host.value]
    assert made["containerDefinitions"][0]["resourceRequirements"] == [{"type": "GPU", "value": "4"}]
    assert (made["cpu"], made["memory"]) == ("7476", "102503")
    small = definition(Platform(capacity=MACHINES), host=host, virtual_cpus=0.01, memory_gbs=0.001)
    assert (small["cpu"], small["memory"]) == ("128", "6")


def test_on_fargate_sizes_are_its_own_up_to_120_gb() -> None:
    made = definition(Platform(), virtual_cpus=9.0, memory_gbs=120.0)
    assert (made["cpu"], made["memory"]) == ("16384", "122880")
    with pytest.raises(StopIteration):
        size_on(Host.FARGATE, ResourceSpec(virtual_cpus=1, memory_gbs=121, max_concurrency=1))


@pytest.mark.parametrize(
    ("platform", "host", "reason"),
    [
        (Platform(gpus=1), Host.FARGATE, "asks for gpus 1: Fargate has none; with capacity provider:NAME"),
        (
            Platform(ephemeral_storage_gib=21, capacity=MACHINES),
            Host.EC2,
            "asks for ephemeral_storage_gib 21: on EC2 the disk is that of the machines",
        ),
        (
            Platform(task_role_arn=ROLE + "admin"),
            Host.FARGATE,
            "role/control-plane-admin: functions may not have it. An operator can allow it with ECS_ALLOWED_TASK_ROLE",
        ),
    ],
)
def test_what_hosts_lack_is_refused_with_one_line(platform: Platform, host: Host, reason: str) -> None:
    with pytest.raises(FunctionFailure) as refusal:
        definition(platform, host=host)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("role", ["reports", "task"])
def test_a_role_that_is_allowed(role: str) -> None:
    assert definition(Platform(task_role_arn=ROLE + role))["taskRoleArn"] == ROLE + role


@pytest.mark.parametrize(
    ("capacity", "provider", "has_public_address"),
    [
        ("on_demand", "FARGATE", True),
        ("spot", "FARGATE_SPOT", True),
        ("provider:FARGATE_SPOT", "FARGATE_SPOT", True),
        (MACHINES, "machines", False),
    ],
)
def test_a_launch_names_its_capacity(capacity: str, provider: str, has_public_address: bool) -> None:
    settings = (CapacityProvider(name="FARGATE_SPOT", weight=3), CapacityProvider(name="FARGATE", weight=1))
    made = run(Platform(capacity=capacity), capacity_providers=settings)
    assert made["capacityProviderStrategy"] == [{"capacityProvider": provider, "weight": 1}]
    assert ("assignPublicIp" in made["networkConfiguration"]["awsvpcConfiguration"]) is has_public_address
    assert len(run(Platform(), capacity_providers=settings)["capacityProviderStrategy"]) == 2


def test_a_launch_that_is_sent_again_has_the_same_capacity() -> None:
    wanted = Platform(capacity="spot_with_fallback")
    first, again = (wanted.for_launch(interruptions=1, without_capacity=timedelta(seconds=5)) for _ in range(2))
    assert run(first) == run(again)


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        (None, ()),
        ("on_demand", ("FARGATE",)),
        ("spot", ("FARGATE_SPOT",)),
        ("spot_with_fallback", ("FARGATE_SPOT", "FARGATE")),
        (MACHINES, ("machines",)),
    ],
)
def test_which_providers_a_cluster_must_have(capacity: str | None, expected: tuple[str, ...]) -> None:
    assert wanted_providers(Platform(capacity=capacity)) == expected


def test_a_provider_that_is_still_being_made_is_waited_for() -> None:
    assert host_of(["machines"], [{"name": "machines", "status": "ACTIVE"}], cluster="c") is Host.EC2
    with pytest.raises(Unavailable, match="PROVISIONING"):
        host_of(["machines"], [{"name": "machines", "status": "PROVISIONING"}], cluster="c")
    with pytest.raises(FunctionFailure, match="DEPROVISIONING"):
        host_of(["machines"], [{"name": "machines", "status": "DEPROVISIONING"}], cluster="c")
