"""Settings: what is missing or malformed is said at once, one line each, and without the values."""

from datetime import timedelta

import pytest

from control_plane_server.domain.platforms import Capacity, CpuArchitecture
from control_plane_server.provisioners.ecs.configuration import CapacityProvider
from environment.loading import SettingsError, load_settings
from environment.provisioner_names import ProvisionerName
from tests.unit.environment.examples import REQUIRED_BY_ALL, REQUIRED_BY_ECS, Example

EXAMPLE = Example("example-ecs.env")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The example's, and nothing else of ours."""
    EXAMPLE.hold(monkeypatch)
    return monkeypatch


def problems(provisioner: ProvisionerName = ProvisionerName.ECS) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        load_settings(provisioner)
    return str(refused.value).splitlines()


def test_the_example_is_complete() -> None:
    ecs = load_settings(ProvisionerName.ECS).ecs
    assert ecs is not None
    assert ecs.subnets == ("subnet-00000000000000001", "subnet-00000000000000002")
    assert ecs.stop_grace == timedelta(seconds=120)
    assert (ecs.assigns_public_ip, ecs.capacity_providers, ecs.events_queue_url) == (True, (), None)


def test_what_the_example_says_of_optional_settings_is_what_holds_without_them(
    environment: pytest.MonkeyPatch,
) -> None:
    without = load_settings(ProvisionerName.ECS).ecs
    for name, value in EXAMPLE.variables(with_optional=True).items():
        if name not in ("ECS_EVENTS_QUEUE_URL", "CONTROL_PLANE_IMAGE"):
            environment.setenv(name, value)
    assert load_settings(ProvisionerName.ECS).ecs == without


def test_everything_that_is_missing_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in (*REQUIRED_BY_ALL, *REQUIRED_BY_ECS):
        environment.delenv(name)
    said = problems()
    assert sorted(line.partition(":")[0] for line in said) == sorted((*REQUIRED_BY_ALL, *REQUIRED_BY_ECS))


def test_another_provisioner_needs_nothing_of_aws(environment: pytest.MonkeyPatch) -> None:
    for name in REQUIRED_BY_ECS:
        environment.delenv(name)
    assert load_settings(ProvisionerName.PROCESS).ecs is None


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("TASK_ROLE_ARN", "control-plane-task", "ARN of a role"),
        ("SUBNET_IDS", " , ", "at least 1 item"),
        ("SUBNET_IDS", "subnet-1,vpc-1", "begin with subnet-"),
        ("CONTROL_PLANE_API_URL", "control-plane.example.com", "begin with https://"),
        ("SECURITY_GROUP_IDS", "sg-1,sg-2,sg-3,sg-4,sg-5,sg-6", "at most 5 items"),
        ("ECS_CAPACITY_PROVIDERS", "FARGATE_SPOT", "key=value"),
        ("ECS_CAPACITY_PROVIDERS", "FARGATE_SPOT=many", "valid integer"),
        ("ECS_CPU_ARCHITECTURE", "SPARC", "X86_64"),
        ("ECS_DEFAULT_CAPACITY", "cheap", "'spot_with_fallback'"),
        ("ECS_ASSIGN_PUBLIC_IP", "perhaps", "boolean"),
        ("ECS_TAGS", "=x", "key=value"),
        ("ECS_TAGS", ",".join(f"tag-{n}=x" for n in range(49)), "48 pairs at the most"),
        ("CONTROL_PLANE_SECRETS_KEYS", "planted", "openssl rand -base64 32"),
    ],
)
def test_what_is_malformed_is_one_line_that_says_what_it_must_be(
    environment: pytest.MonkeyPatch, name: str, value: str, hint: str
) -> None:
    environment.setenv(name, value)
    (line,) = problems()
    assert line.startswith(f"{name}: ")
    assert hint in line
    assert value not in line


def test_optional_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ECS_CAPACITY_PROVIDERS", "FARGATE_SPOT=3, FARGATE=1")
    environment.setenv("ECS_CPU_ARCHITECTURE", "ARM64")
    environment.setenv("ECS_TAGS", "team=search,stage=production")
    environment.setenv("ECS_ASSIGN_PUBLIC_IP", "false")
    ecs = load_settings(ProvisionerName.ECS).ecs
    assert ecs is not None
    assert ecs.capacity_providers == (
        CapacityProvider(name="FARGATE_SPOT", weight=3),
        CapacityProvider(name="FARGATE", weight=1),
    )
    assert (ecs.cpu_architecture, ecs.assigns_public_ip) == (CpuArchitecture.ARM64, False)
    assert ecs.tags == {"team": "search", "stage": "production"}


def test_a_default_capacity(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ECS_DEFAULT_CAPACITY", "spot_with_fallback")
    ecs = load_settings(ProvisionerName.ECS).ecs
    assert ecs is not None
    assert ecs.default_capacity is Capacity.SPOT_WITH_FALLBACK
    environment.setenv("ECS_CAPACITY_PROVIDERS", "FARGATE=1")
    (line,) = problems()
    assert line.startswith("ECS_DEFAULT_CAPACITY: ")
    assert "ECS_CAPACITY_PROVIDERS" in line


def test_keys_of_secrets(environment: pytest.MonkeyPatch) -> None:
    assert load_settings(ProvisionerName.ECS).control_plane.secret_keys.fingerprints == ()
    environment.setenv("CONTROL_PLANE_SECRETS_KEYS", f"{'A' * 43}=, {'b' * 42}8= ,")
    control_plane = load_settings(ProvisionerName.ECS).control_plane
    assert len(control_plane.secret_keys.fingerprints) == 2
    assert "AAAA" not in repr(control_plane)


def test_tags_that_replace_ours_take_no_more_room(environment: pytest.MonkeyPatch) -> None:
    own = "control-plane:project=p,control-plane:function=f"
    environment.setenv("ECS_TAGS", ",".join([own, *(f"tag-{n}=x" for n in range(48))]))
    ecs = load_settings(ProvisionerName.ECS).ecs
    assert ecs is not None
    assert len(ecs.tags) == 50


def test_networks_of_webhooks(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONTROL_PLANE_WEBHOOK_NETWORKS", "10.0.0.0/8, fd00::/8,")
    networks = load_settings(ProvisionerName.ECS).control_plane.webhook_networks
    assert [str(network) for network in networks] == ["10.0.0.0/8", "fd00::/8"]
    environment.setenv("CONTROL_PLANE_WEBHOOK_NETWORKS", "10.0.0.1/8")
    (problem,) = problems()
    assert problem.startswith("CONTROL_PLANE_WEBHOOK_NETWORKS: ")
    assert "10.0.0.1/8 has host bits set" in problem
