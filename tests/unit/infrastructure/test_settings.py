"""The template's outputs are settings, and its services have all that they need."""

from pathlib import Path
from typing import Any

import pytest

from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from environment.loading import load_settings
from environment.provisioner_names import ProvisionerName
from tests.aws.template import TEMPLATE, Template
from tests.unit.environment.examples import REQUIRED_BY_ECS, Example

ROOT = Path(__file__).parents[3]
EXAMPLE = Example("example-ecs.env")
OF_TEMPORAL = {"TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY"}  # Temporal's own
SERVICES = {
    "RunServices": "true",
    "ControlPlaneImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/control-plane:1",
    "DomainName": "control-plane.example.com",
    "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1",
}
VALUES = {
    "AWS::Region": "eu-west-1",
    "PublicSubnetA": "subnet-1",
    "PublicSubnetB": "subnet-2",
    "WorkersGroup.GroupId": "sg-1",
    "TaskRole.Arn": "arn:aws-cn:iam::123456789012:role/control-plane-task",
    "ExecutionRole.Arn": "arn:aws-cn:iam::123456789012:role/control-plane-execution",
    "TaskEvents": "https://sqs.eu-west-1.amazonaws.com/123456789012/control-plane-task-events",
    "BlobsBucket": "blobs",
    "Database.Endpoint.Address": "postgres.example.com",
}


def container(service: str, **parameters: str) -> dict[str, Any]:
    resources = Template(SERVICES | parameters, VALUES).resources
    found: dict[str, Any]
    (found,) = [
        one
        for one in resources[f"{service}Definition"]["Properties"]["ContainerDefinitions"]
        if one["Name"] == service.lower()
    ]
    return found


def variables(service: str, **parameters: str) -> dict[str, str]:
    """What ECS gives the process: values, and secrets by the place where they are."""
    found = container(service, **parameters)
    values = {one["Name"]: one["Value"] for one in found["Environment"]}
    return values | {one["Name"]: one["ValueFrom"] for one in found["Secrets"]}


def loaded(environment: pytest.MonkeyPatch, given: dict[str, str]) -> EcsConfiguration:
    EXAMPLE.hold(environment)
    for name in EXAMPLE.variables():
        environment.delenv(name)
    for name, value in given.items():
        # Only ECS knows the keys themselves.
        environment.setenv(name, "A" * 43 + "=" if name == "CONTROL_PLANE_SECRETS_KEYS" else value)
    ecs = load_settings(ProvisionerName.ECS).ecs
    assert ecs is not None
    return ecs


def test_outputs_are_the_settings_that_the_account_decides() -> None:
    elsewhere = {"CONTROL_PLANE_API_URL"}
    settings = Template().settings
    assert set(REQUIRED_BY_ECS) - elsewhere <= settings.keys() <= EXAMPLE.variables(with_optional=True).keys()
    url = "https://api.example.com"
    assert Template({"ApiUrl": url}).settings == settings | {"CONTROL_PLANE_API_URL": url}


@pytest.mark.parametrize("service", ["Api", "Loop"])
def test_services_have_the_settings_that_they_need(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    given = variables(
        service,
        SecretsKeys="a key",
        TemporalApiKeySecretArn="arn",
        RuntimeImage="runtime:1",
        WebhookNetworks="10.1.0.0/16,fd00:1::/64",
        Console="true",
    )
    assert given.get("CONTROL_PLANE_CONSOLE") == ("true" if service == "Api" else None)
    assert given.keys() <= EXAMPLE.variables(with_optional=True).keys() | OF_TEMPORAL
    assert "CONTROL_PLANE_SECRETS_KEYS" in given
    assert given["CONTROL_PLANE_WEBHOOK_NETWORKS"] == "10.1.0.0/16,fd00:1::/64"
    configuration = loaded(monkeypatch, given)
    assert configuration.api_url == "https://control-plane.example.com"
    assert configuration.subnets == ("subnet-1", "subnet-2")
    assert configuration.runtime_image == "runtime:1"
    assert configuration.events_queue_url == VALUES["TaskEvents"]


@pytest.mark.parametrize("service", ["Api", "Loop"])
def test_services_use_what_is_there_already(service: str) -> None:
    existing = {"DatabaseHost": "db", "DatabaseSecretArn": "arn:secret", "TemporalAddress": "cloud:7233"}
    given = variables(service, **existing)
    assert (given["POSTGRES_HOST"], given["TEMPORAL_ADDRESS"]) == ("db", "cloud:7233")
    assert given["POSTGRES_PASSWORD"] == "arn:secret:password::"
    resources = Template(SERVICES | existing, VALUES).resources
    assert not {"Database", "DatabaseSecret", "TemporalService", "Names"} & resources.keys()


def test_outputs_of_a_stack_with_services_are_their_settings() -> None:
    settings = Template(SERVICES, VALUES).settings
    given = variables("Loop")
    assert settings == {name: given[name] for name in settings}
    assert {"POSTGRES_HOST", "TEMPORAL_ADDRESS", "CONTROL_PLANE_API_URL"} <= settings.keys()


def test_an_existing_network() -> None:
    template = Template(
        {"VpcId": "vpc-1", "SubnetIds": "subnet-8,subnet-9", "AssignPublicIp": "false"} | SERVICES, VALUES
    )
    assert (template.settings["SUBNET_IDS"], template.settings["ECS_ASSIGN_PUBLIC_IP"]) == (
        "subnet-8,subnet-9",
        "false",
    )
    assert not [
        name for name, one in template.resources.items() if one["Type"] in ("AWS::EC2::VPC", "AWS::EC2::Subnet")
    ]
    for name in ("ApiService", "LoopService", "TemporalService"):
        network = template.resources[name]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert (network["Subnets"], network["AssignPublicIp"]) == (["subnet-8", "subnet-9"], "DISABLED")


@pytest.mark.parametrize(
    ("step", "script", "names"),
    [
        ("schema", "schema.sh", {"$SQL_HOST": "postgres", "$SQL_USER": "postgres"}),
        ("namespace", "namespace.sh", {}),
    ],
)
def test_temporal_is_set_up_as_by_compose(step: str, script: str, names: dict[str, str]) -> None:
    resources = Template(SERVICES, VALUES).resources
    containers = resources["TemporalDefinition"]["Properties"]["ContainerDefinitions"]
    (command,) = next(one["Command"] for one in containers if one["Name"] == step)
    for name, value in names.items():
        command = command.replace(name, value)
    lines = (ROOT / "compose" / script).read_text().splitlines()
    assert command.splitlines() == [line for line in lines if not line.startswith("#")]


def test_the_load_balancer_gives_up_before_api_closes_a_connection() -> None:
    attributes = Template(SERVICES, VALUES).resources["LoadBalancer"]["Properties"]["LoadBalancerAttributes"]
    (idle_seconds,) = [int(one["Value"]) for one in attributes if one["Key"] == "idle_timeout.timeout_seconds"]
    assert idle_seconds < float(EXAMPLE.variables(with_optional=True)["CONTROL_PLANE_KEEP_ALIVE_SECONDS"])


def test_nothing_secret_stands_in_the_template() -> None:
    secret = "what users' secrets are encrypted with"
    template = Template(SERVICES | {"SecretsKeys": secret}, VALUES)
    holders = [name for name, one in template.resources.items() if secret in str(one)]
    assert holders == ["SecretsKeysSecret"]
    assert secret not in str(template.settings)


def test_cloudformation_takes_it_without_a_bucket() -> None:
    assert len(TEMPLATE.read_bytes()) <= 51_200
