"""Which variables a container finds: one of one execution, and one that is kept for many."""

import json
from dataclasses import replace
from datetime import timedelta

from control_plane_server.domain.containers import ContainerName, ContainerRequest
from control_plane_server.domain.identifiers import WarmContainerId
from control_plane_server.domain.reuse import ReuseSpec
from control_plane_server.provisioners.ecs import requests
from control_plane_server.provisioners.variables import container_variables
from tests.provisioners.ecs.builders import EXECUTION, INVOCATION, configuration, container_request, function

GRACE = timedelta(seconds=7.5)
CONTAINER = WarmContainerId("con-" + "2" * 32)
REUSE = ReuseSpec(idle_seconds=300, max_executions=5)
REQUEST = container_request("image:1")
WARM = replace(REQUEST, name=ContainerName.of_warm(CONTAINER), invocation_id=None, reuse=REUSE, command=("a", "b"))


def variables_of(request: ContainerRequest) -> dict[str, str]:
    return container_variables(request, api_url="http://api", stop_grace=GRACE)


def test_a_container_of_one_execution_knows_it_and_nothing_of_reuse() -> None:
    found = variables_of(replace(REQUEST, traceparent="00-trace"))
    assert found["MULTINODE_EXECUTION_ID"] == EXECUTION
    assert found["MULTINODE_INVOCATION_ID"] == INVOCATION
    assert found["TRACEPARENT"] == "00-trace"
    assert not [name for name in found if name.startswith("CONTROL_PLANE_")]


def test_a_warm_container_knows_itself_and_asks_for_its_executions() -> None:
    found = variables_of(WARM)
    assert found["CONTROL_PLANE_CONTAINER_ID"] == CONTAINER
    assert found["MULTINODE_API_KEY"] == WARM.token
    assert found["CONTROL_PLANE_STOP_GRACE_SECONDS"] == "7.5"
    assert json.loads(found["CONTROL_PLANE_COMMAND"]) == ["a", "b"]
    assert json.loads(found["CONTROL_PLANE_REUSE"]) == {
        "idle_seconds": 300,
        "min_idle": 0,
        "max_executions": 5,
        "isolation": "fork",
    }
    assert not {"MULTINODE_EXECUTION_ID", "MULTINODE_INVOCATION_ID", "TRACEPARENT"} & found.keys()


def test_on_ecs_the_definition_and_the_task_together_say_the_same() -> None:
    chosen = replace(configuration(), stop_grace=GRACE)
    (container,) = requests.task_definition(replace(function(), reuse=REUSE), chosen)["containerDefinitions"]
    task = requests.task(WARM, chosen)
    (override,) = task["overrides"]["containerOverrides"]
    pairs = (*container.get("environment", []), *override.get("environment", []))
    found = {pair["name"]: pair["value"] for pair in pairs}
    ours = variables_of(WARM)
    assert {name: found[name] for name in ours if name in found} == {
        name: value for name, value in ours.items() if name != "CONTROL_PLANE_COMMAND"
    } | {"MULTINODE_API_URL": chosen.api_url}
    assert task["clientToken"] == task["startedBy"] == f"{CONTAINER}-1"
