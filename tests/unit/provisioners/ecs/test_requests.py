"""What is asked of ECS."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.identifiers import FunctionName, ProjectName
from control_plane_server.domain.platforms import Capacity, CpuArchitecture, Platform
from control_plane_server.provisioners.ecs import requests
from control_plane_server.provisioners.ecs.configuration import CapacityProvider
from tests.provisioners.ecs.builders import EXECUTION, INVOCATION, REF, configuration, container_request, function

DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/multinode-worker-a-b:1"


def test_a_family_is_called_like_its_function_where_the_names_fit() -> None:
    assert family_of("a_project", "a-function") == "multinode-worker-a_project-a-function"


@pytest.mark.parametrize(
    ("project", "name", "shown"),
    [
        ("a project with a long name", "größe: 10 %, and more", "a-project-with-a-gr--e--10----and"),
        ("a", "b", "a-b"),
        ("a" * 64, "函" * 1_023, f"{'a' * 16}-{'-' * 16}"),
    ],
)
def test_a_family_is_of_legal_characters(project: str, name: str, shown: str) -> None:
    family = family_of(project, name)
    assert family.startswith(f"multinode-worker-{shown}")
    assert re.fullmatch("[A-Za-z0-9_-]{1,255}", family)


def test_functions_whose_names_begin_alike_have_families_of_their_own() -> None:
    names = [f"a function of many, {end}" for end in ("one", "two", "Two", "2", "zwei, größer", "zwei, gr--er")]
    assert len({family_of("project", name) for name in (*names, "ä", "ö", "-")}) == 9
    assert family_of("a project with a long name", "f") != family_of("a project with a longer name", "f")


def family_of(project: str, name: str) -> str:
    ref = replace(REF, project_name=ProjectName(project), function_name=FunctionName(name))
    return requests.family_of(function(ref))


def test_a_definition_holds_what_every_container_of_the_function_must_know() -> None:
    definition = requests.task_definition(function(), configuration())
    (container,) = definition["containerDefinitions"]
    assert (definition["cpu"], definition["memory"]) == ("512", "2048")
    assert container.get("name") == "main"
    assert container.get("stopTimeout") == 120
    assert {pair.get("name"): pair.get("value") for pair in container.get("environment", [])} == {
        "MULTINODE_PROJECT_NAME": REF.project_name,
        "MULTINODE_VERSION_ID": REF.version_id,
        "MULTINODE_FUNCTION_NAME": REF.function_name,
        "MULTINODE_API_URL": "https://control-plane.example.com",
        "PYTHONUNBUFFERED": "1",
    }


@pytest.mark.parametrize("command", [None, ("sort",)])
def test_the_program_hears_sigterm_at_once_and_its_lines_are_not_held_back(command: tuple[str, ...] | None) -> None:
    chosen = replace(configuration(), runtime_image="control-plane:1")
    *_, main = requests.task_definition(replace(function(), command=command), chosen)["containerDefinitions"]
    assert main.get("linuxParameters") == {"initProcessEnabled": True}
    pairs = main.get("environment", [])
    assert {"name": "PYTHONUNBUFFERED", "value": "1"} in pairs
    assert len(pairs) == len({pair.get("name") for pair in pairs}), "ECS is told nothing twice"


def test_a_definition_names_the_authorities_that_the_operator_trusts() -> None:
    definition = requests.task_definition(function(), replace(configuration(), ca_certificates="PEM"))
    (container,) = definition["containerDefinitions"]
    assert {"name": "CONTROL_PLANE_CA_CERTIFICATES", "value": "PEM"} in container.get("environment", [])


def test_a_definition_has_the_environment_and_the_secrets_of_aws_and_no_others() -> None:
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/x"
    declared = replace(function(), environment={"MODE": "fast"}, secrets={"TOKEN": arn, "DATABASE_URL": "billing-db"})
    definition = requests.task_definition(declared, configuration())
    (container,) = definition["containerDefinitions"]
    assert {"name": "MODE", "value": "fast"} in container.get("environment", [])
    assert container.get("secrets") == [{"name": "TOKEN", "valueFrom": arn}]
    assert "billing-db" not in json.dumps(definition)
    assert "secrets" not in requests.task_definition(function(), configuration())["containerDefinitions"][0]


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        ("a" * 256, "256 characters, of which ECS takes 255"),
        ("registry/größe:1", "characters that ECS does not take: registry/größe:1"),
        ("registry/two words", "characters that ECS does not take"),
    ],
)
def test_an_image_that_ecs_cannot_name_is_refused_in_one_line(image: str, problem: str) -> None:
    with pytest.raises(FunctionFailure, match=problem):
        requests.task_definition(function(docker_image=image), configuration())


@pytest.mark.parametrize("image", ["a" * 255, f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b_c@sha256:{'0' * 64}"])
def test_other_images_are_not(image: str) -> None:
    (container,) = requests.task_definition(function(docker_image=image), configuration())["containerDefinitions"]
    assert container.get("image") == image


def test_a_request_is_the_same_to_the_byte_whenever_it_is_made() -> None:
    first, second = (json.dumps(requests.task(container_request(DEFINITION), configuration())) for _ in range(2))
    assert first == second


def test_a_task_is_named_by_execution_and_launch() -> None:
    run = requests.task(container_request(DEFINITION, launch=2), configuration())
    assert run.get("clientToken") == run.get("startedBy") == f"{EXECUTION}-2"
    (override,) = run["overrides"]["containerOverrides"]
    assert {pair.get("name") for pair in override.get("environment", [])} == {
        "MULTINODE_INVOCATION_ID",
        "MULTINODE_EXECUTION_ID",
        "MULTINODE_API_KEY",
    }
    assert len(json.dumps(run["overrides"])) < 1_000, f"far from ECS's 8,192, with {INVOCATION}"


def test_a_task_continues_the_span_of_its_launch_where_there_is_one() -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    run = requests.task(replace(container_request(DEFINITION), traceparent=traceparent), configuration())
    (override,) = run["overrides"]["containerOverrides"]
    assert {"name": "TRACEPARENT", "value": traceparent} in override.get("environment", [])


def test_by_default_the_cluster_decides_what_runs_it() -> None:
    run = requests.task(container_request(DEFINITION), configuration())
    assert "launchType" not in run
    assert "capacityProviderStrategy" not in run


def test_what_an_operator_may_decide() -> None:
    chosen = replace(
        configuration(),
        assigns_public_ip=False,
        capacity_providers=(
            CapacityProvider(name="FARGATE_SPOT", weight=3),
            CapacityProvider(name="FARGATE", weight=1),
        ),
        cpu_architecture=CpuArchitecture.ARM64,
        tags={"team": "search"},
    )
    run = requests.task(container_request(DEFINITION), chosen)
    definition = requests.task_definition(function(), chosen)
    assert run["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"
    assert run.get("capacityProviderStrategy") == [
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
        {"capacityProvider": "FARGATE", "weight": 1},
    ]
    assert definition.get("runtimePlatform", {}).get("cpuArchitecture") == "ARM64"
    assert {"key": "team", "value": "search"} in definition.get("tags", [])
    assert run.get("propagateTags") == "TASK_DEFINITION"


@pytest.mark.parametrize(
    ("capacity", "interruptions", "seconds", "provider"),
    [
        (None, 0, 0, "FARGATE_SPOT"),
        (None, 1, 179, "FARGATE_SPOT"),
        (None, 2, 0, "FARGATE"),
        (None, 0, 180, "FARGATE"),
        ("spot", 2, 180, "FARGATE_SPOT"),
        ("on_demand", 0, 0, "FARGATE"),
    ],
)
def test_by_the_operators_default_every_function_gets_spot_with_a_floor(
    capacity: str | None, interruptions: int, seconds: int, provider: str
) -> None:
    request = replace(
        container_request(DEFINITION),
        platform=Platform(capacity=capacity),
        interruptions=interruptions,
        without_capacity=timedelta(seconds=seconds),
    )
    chosen = replace(configuration(), default_capacity=Capacity.SPOT_WITH_FALLBACK)
    run = requests.task(request, chosen)
    assert run.get("capacityProviderStrategy") == [{"capacityProvider": provider, "weight": 1}]
    assert json.dumps(run) == json.dumps(requests.task(request, chosen)), "sent again, it is the same"


def test_a_definition_is_known_again() -> None:
    one = function()
    other = replace(one, ref=replace(REF, function_name=FunctionName("summarise")))
    registered = requests.task_definition(one, configuration())
    found = {"containerDefinitions": registered["containerDefinitions"]}
    assert requests.is_of(found, one)  # type: ignore[arg-type]
    assert not requests.is_of(found, other)  # type: ignore[arg-type]


def test_a_command_has_its_program_copied_by_the_control_planes_image() -> None:
    command = replace(function(), command=("sort", "--reverse"))
    definition = requests.task_definition(command, replace(configuration(), runtime_image="control-plane:1"))
    plain = requests.task_definition(function(), configuration())
    copy, main = definition["containerDefinitions"]
    (plain_main,) = plain["containerDefinitions"]
    assert (copy.get("name"), copy.get("image"), copy.get("essential")) == ("runtime", "control-plane:1", False)
    assert copy.get("logConfiguration") == main.get("logConfiguration")
    assert main.get("dependsOn") == [{"containerName": "runtime", "condition": "SUCCESS"}]
    assert (main.get("entryPoint"), main.get("command")) == (["python3"], ["-m", "control_plane"])
    variables = {pair.get("name"): pair.get("value") for pair in main.get("environment", [])}
    assert variables["CONTROL_PLANE_COMMAND"] == '["sort", "--reverse"]'
    (written,), (read,) = copy.get("mountPoints", []), main.get("mountPoints", [])
    assert read.get("sourceVolume") == written.get("sourceVolume")
    assert (read.get("readOnly"), written.get("readOnly")) == (True, False)
    assert copy.get("command", []) == [written.get("containerPath")]
    assert copy.get("entryPoint", [])[:2] == ["sh", "-c"]
    assert variables["PYTHONPATH"] == read.get("containerPath")
    assert definition.get("volumes") == [{"name": read.get("sourceVolume")}]
    for kept in ("name", "image", "essential", "stopTimeout"):
        assert main.get(kept) == plain_main.get(kept)
    assert {**definition, "containerDefinitions": [], "volumes": []} == {
        **plain,
        "containerDefinitions": [],
        "volumes": [],
    }


def test_without_a_command_nothing_of_it_is_in_the_definition() -> None:
    chosen = replace(configuration(), runtime_image="control-plane:1")
    assert requests.task_definition(function(), chosen) == requests.task_definition(function(), configuration())
    assert "volumes" not in requests.task_definition(function(), chosen)


def test_a_command_without_that_image_is_refused_with_the_setting_that_is_missing() -> None:
    with pytest.raises(FunctionFailure, match="CONTROL_PLANE_IMAGE"):
        requests.task_definition(replace(function(), command=("sort",)), configuration())
