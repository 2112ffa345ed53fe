"""Versions: declared whole, checked field by field, found by id and as `latest`."""

import asyncio
import json

import httpx2
import pytest

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.demands import newest_demands
from tests.api.builders import PROJECT, VERSIONS, Json, definition, deploy, function_spec

DOES_NOT_EXIST = {"detail": "A version with this ID does not exist for this project"}
UNLESS_GIVEN = {"retry_jitter": 0.0, "no_retry_on": [], "resume_children": False}


SIGNATURE: Json = {
    "type": "object",
    "properties": {"zebra": {"type": "string"}, "ape": {"type": "integer", "default": 3}, "ünits": {}},
    "required": ["zebra"],
    "additionalProperties": False,
    "x-positional": ["zebra", "ape"],
}


def reusing(**changes: int) -> Json:
    return function_spec(reuse={"idle_seconds": 1, **changes})


async def test_a_version_is_answered_as_declared_with_effective_values(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    plain = function_spec("f", unknown_field=1)
    own = function_spec(
        "g",
        docker_image_override="",
        command=["run", "me"],
        signature=SIGNATURE,
        platform={"ephemeral_storage_gib": 50, "capacity": "spot_with_fallback"},
        reuse={"idle_seconds": 300, "min_idle": 2},
        resource_spec={"virtual_cpus": "0.5", "memory_gbs": 120, "max_concurrency": 5.0, "concurrency": "function"},
        execution_spec={"max_retries": 50, "timeout_seconds": 2_592_000, "retry_initial_interval_seconds": 100},
    )
    made = await client.post(VERSIONS, json=definition(plain, own))
    assert made.status_code == 200, made.text
    version = made.json()
    assert version["version_id"].startswith("ver-")
    assert version["functions"] == [
        {
            "function_name": "f",
            "docker_image": "image:1",
            "resource_spec": {"virtual_cpus": 1.0, "memory_gbs": 2.0, "max_concurrency": 3, "concurrency": "version"},
            "execution_spec": {
                "max_retries": 0,
                "timeout_seconds": 60,
                "retry_initial_interval_seconds": 1.0,
                "retry_backoff_coefficient": 2.0,
                "retry_max_interval_seconds": 60.0,
                "attempt_timeout_seconds": None,
                "queue_timeout_seconds": None,
                **UNLESS_GIVEN,
            },
            "command": None,
            "function_status": "PENDING",
            "prepared_function_details": None,
            "preparation_error": None,
            "signature": None,
            "environment": {},
            "secrets": {},
            "platform": None,
            "reuse": None,
            "schedules": [],
            "paused_since": None,
            "paused_until": None,
        },
        {
            "function_name": "g",
            "docker_image": "",
            "resource_spec": {
                "virtual_cpus": 0.5,
                "memory_gbs": 120.0,
                "max_concurrency": 5,
                "concurrency": "function",
            },
            "execution_spec": {
                "max_retries": 50,
                "timeout_seconds": 2_592_000,
                "retry_initial_interval_seconds": 100.0,
                "retry_backoff_coefficient": 2.0,
                "retry_max_interval_seconds": 100.0,
                "attempt_timeout_seconds": None,
                "queue_timeout_seconds": None,
                **UNLESS_GIVEN,
            },
            "command": ["run", "me"],
            "function_status": "PENDING",
            "prepared_function_details": None,
            "preparation_error": None,
            "signature": SIGNATURE,
            "environment": {},
            "secrets": {},
            "platform": {
                "ephemeral_storage_gib": 50,
                "cpu_architecture": None,
                "gpus": None,
                "capacity": "spot_with_fallback",
                "task_role_arn": None,
            },
            "reuse": {"idle_seconds": 300, "min_idle": 2, "max_executions": None, "isolation": "fork"},
            "schedules": [],
            "paused_since": None,
            "paused_until": None,
        },
    ]
    for reference in (version["version_id"], "latest", "LaTeSt"):
        read = await client.get(f"{VERSIONS}/{reference}")
        assert read.json() == version
        assert json.dumps(SIGNATURE, separators=(",", ":"), ensure_ascii=False) in read.text  # in its own order


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ({"type": "array"}, "type"),
        ({"type": "object", "x": "x" * 16_384}, "16384 bytes"),
        ({"type": "object", "x": float("inf")}, "numbers"),
        ({"type": "object", "x": "\ud800"}, "surrogates"),
    ],
)
async def test_signatures_that_cannot_be_kept_are_refused(
    client: httpx2.AsyncClient, signature: Json, message: str
) -> None:
    await client.put("/projects/p")
    body = json.dumps(definition(function_spec(signature=signature))).encode()
    refused = await client.post(VERSIONS, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == 422
    assert message in refused.text


@pytest.mark.parametrize(
    ("spec", "loc", "message"),
    [
        (
            function_spec(resource_spec={"virtual_cpus": 0}),
            "resource_spec.virtual_cpus",
            "virtual_cpus must be positive",
        ),
        (
            function_spec(resource_spec={"virtual_cpus": 16.1}),
            "resource_spec.virtual_cpus",
            "virtual_cpus must not exceed 16",
        ),
        (function_spec(resource_spec={"memory_gbs": -1}), "resource_spec.memory_gbs", "memory_gbs must be positive"),
        (
            function_spec(resource_spec={"memory_gbs": 121}),
            "resource_spec.memory_gbs",
            "memory_gbs must not exceed 120",
        ),
        (
            function_spec(resource_spec={"max_concurrency": 0}),
            "resource_spec.max_concurrency",
            "max_concurrency must be positive",
        ),
        (
            function_spec(resource_spec={"max_concurrency": 10_001}),
            "resource_spec.max_concurrency",
            "max_concurrency must not exceed 10000",
        ),
        (
            function_spec(execution_spec={"max_retries": -1}),
            "execution_spec.max_retries",
            "max_retries must be non-negative",
        ),
        (
            function_spec(execution_spec={"max_retries": 51}),
            "execution_spec.max_retries",
            "max_retries must not exceed 50",
        ),
        (
            function_spec(execution_spec={"timeout_seconds": 0}),
            "execution_spec.timeout_seconds",
            "timeout_seconds must be positive",
        ),
        (
            function_spec(execution_spec={"timeout_seconds": 2_592_001}),
            "execution_spec.timeout_seconds",
            "timeout_seconds must not exceed 2592000",
        ),
        (
            function_spec(execution_spec={"retry_initial_interval_seconds": 0.5}),
            "execution_spec.retry_initial_interval_seconds",
            "retry_initial_interval_seconds must be at least 1",
        ),
        (
            function_spec(execution_spec={"retry_backoff_coefficient": 11}),
            "execution_spec.retry_backoff_coefficient",
            "retry_backoff_coefficient must not exceed 10",
        ),
        (
            function_spec(execution_spec={"retry_initial_interval_seconds": 5, "retry_max_interval_seconds": 4}),
            "execution_spec",
            "retry_max_interval_seconds must not be less than retry_initial_interval_seconds",
        ),
        (function_spec(""), "function_name", "function_name must not be empty"),
        (function_spec("x" * 1_024), "function_name", "function_name cannot exceed 1024 characters"),
        (function_spec("a/b"), "function_name", "names must not contain control characters or slashes"),
        (function_spec(".."), "function_name", "names must not be . or .., which lead elsewhere in a path"),
        (function_spec("a\nb"), "function_name", "names must not contain control characters or slashes"),
        (
            function_spec(docker_image_override="x" * 1_024),
            "docker_image_override",
            "docker_image_override cannot exceed 1024 characters",
        ),
        (
            function_spec(docker_image_override="\0"),
            "docker_image_override",
            "NUL characters and lone surrogates are not allowed",
        ),
        (
            function_spec(platform={"ephemeral_storage_gib": 20}),
            "platform.ephemeral_storage_gib",
            "ephemeral_storage_gib must be at least 21",
        ),
        (function_spec(platform={"gpus": 0}), "platform.gpus", "gpus must be positive"),
        (
            function_spec(platform={"capacity": "provider:"}),
            "platform.capacity",
            "capacity must be on_demand, spot, spot_with_fallback, or provider:NAME of a capacity provider",
        ),
        (
            function_spec(platform={"task_role_arn": "reports"}),
            "platform.task_role_arn",
            "task_role_arn must be the ARN of a role, arn:aws:iam::<account>:role/<name>",
        ),
        (reusing(idle_seconds=0), "reuse.idle_seconds", "idle_seconds must be positive"),
        (reusing(idle_seconds=3_601), "reuse.idle_seconds", "idle_seconds must not exceed 3600"),
        (reusing(min_idle=-1), "reuse.min_idle", "min_idle must be non-negative"),
        (reusing(min_idle=101), "reuse.min_idle", "min_idle must not exceed 100"),
        (reusing(min_idle=4), "", "min_idle must not exceed max_concurrency: 4 containers would wait, 3 may run"),
        (reusing(max_executions=0), "reuse.max_executions", "max_executions must be positive"),
        (reusing(max_executions=100_001), "reuse.max_executions", "max_executions must not exceed 100000"),
        (function_spec(command=[]), "command", "command must not be empty"),
        (function_spec(command=["x" * 4_097]), "command", "command must not exceed 4096 characters"),
    ],
)
async def test_bounds_are_kept_by_the_contracts_texts(
    client: httpx2.AsyncClient, spec: Json, loc: str, message: str
) -> None:
    await client.put(PROJECT)
    answer = await client.post(VERSIONS, json=definition(spec))
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["type"] == "value_error"
    assert problem["loc"] == ["body", "functions", 0, *filter(None, loc.split("."))]
    assert problem["msg"] == f"Value error, {message}"


@pytest.mark.parametrize(
    "spec",
    [
        function_spec("x" * 1_023, docker_image_override="x/" * 511 + "x", command=["x" * 4_096]),
        function_spec(resource_spec={"virtual_cpus": 16, "memory_gbs": 1e-9, "max_concurrency": 100}),
        reusing(min_idle=3),
        function_spec(execution_spec={"retry_initial_interval_seconds": 3_600, "retry_max_interval_seconds": 86_400}),
    ],
)
async def test_what_is_just_within_bounds_is_taken(client: httpx2.AsyncClient, spec: Json) -> None:
    await client.put(PROJECT)
    assert (await client.post(VERSIONS, json=definition(spec))).status_code == 200


LONGEST = "x" * 255


@pytest.mark.parametrize(
    ("image", "status"),
    [
        ("", 200),
        (LONGEST, 200),
        (f"{LONGEST}:{'t' * 128}@sha256:{'0' * 64}", 200),
        (f"registry:5000/{LONGEST}/{LONGEST}", 200),
        (f"file:///{'%C3%A9' * 127}/x", 200),
        (f"{LONGEST}x", 422),
        (f"{LONGEST}x:1", 422),
        (f"a/{LONGEST}x/b", 422),
        (f"{LONGEST}x/b@sha256:{'0' * 64}", 422),
        (f"file:///{'%C3%A9' * 128}/x", 422),
        (f"file:///a/{LONGEST}x", 422),
    ],
)
async def test_no_part_of_an_images_name_is_longer_than_registries_take(
    client: httpx2.AsyncClient, image: str, status: int
) -> None:
    await client.put(PROJECT)
    for body in (
        definition(function_spec(), default_docker_image=image),
        definition(function_spec(docker_image_override=image)),
    ):
        answer = await client.post(VERSIONS, json=body)
        assert answer.status_code == status
        if status == 422:
            (problem,) = answer.json()["detail"]
            assert "must not have a part of more than 255 characters between slashes" in problem["msg"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_numbers_must_be_numbers(client: httpx2.AsyncClient, number: str) -> None:
    await client.put(PROJECT)
    body = (
        '{"default_docker_image": "", "functions": [{"function_name": "f",'
        f' "resource_spec": {{"virtual_cpus": {number}, "memory_gbs": 1, "max_concurrency": 1}},'
        ' "execution_spec": {"max_retries": 0, "timeout_seconds": 1}}]}'
    )
    answer = await client.post(VERSIONS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "functions", 0, "resource_spec", "virtual_cpus"]


async def test_function_names_are_distinct(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    answer = await client.post(VERSIONS, json=definition(function_spec("f"), function_spec("f")))
    (problem,) = answer.json()["detail"]
    assert (problem["loc"], problem["msg"]) == (["body"], "Value error, function_name values must be distinct")
    assert (await client.post(VERSIONS, json=definition(function_spec("f"), function_spec("F")))).status_code == 200


async def test_a_version_needs_a_project_that_stays(client: httpx2.AsyncClient) -> None:
    missing = await client.post(VERSIONS, json=definition())
    assert (missing.status_code, missing.json()) == (404, {"detail": "A project with this name does not exist"})
    await client.put(PROJECT)
    await client.delete(PROJECT)
    leaving = await client.post(VERSIONS, json=definition())
    assert (leaving.status_code, leaving.json()) == (400, {"detail": "The project is being deleted"})
    assert (await client.get(VERSIONS)).json() == {"project_name": "p", "versions": []}


async def test_a_project_is_made_with_its_first_version_or_not_at_all(client: httpx2.AsyncClient) -> None:
    refused = await client.post(VERSIONS, params={"create_project": True}, json=definition(function_spec(command=[])))
    assert refused.status_code == 422
    assert (await client.get(PROJECT)).status_code == 404
    for _ in range(2):
        made = await client.post(VERSIONS, params={"create_project": True}, json=definition(function_spec()))
        assert made.status_code == 200
    assert len((await client.get(VERSIONS)).json()["versions"]) == 2
    for name, status in (("x" * 65, 400), ("%0A", 422)):
        path = f"/projects/{name}/versions"
        assert (await client.post(path, params={"create_project": True}, json=definition())).status_code == status
    await client.delete(PROJECT)
    late = await client.post(VERSIONS, params={"create_project": True}, json=definition(function_spec()))
    assert late.json() == {"detail": "The project is being deleted"}


async def test_latest_of_a_project_without_versions_does_not_exist(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    for reference in ("latest", "ver-0"):
        answer = await client.get(f"{VERSIONS}/{reference}")
        assert (answer.status_code, answer.json()) == (404, DOES_NOT_EXIST)


async def test_versions_are_listed_newest_first_even_within_a_second(client: httpx2.AsyncClient) -> None:
    made = [(await deploy(client)).version_id for _ in range(5)]
    listed = (await client.get(VERSIONS)).json()
    assert listed["project_name"] == "p"
    assert [version["version_id"] for version in listed["versions"]] == made[::-1]
    assert (await client.get(f"{VERSIONS}/latest")).json()["version_id"] == made[-1]


async def test_the_project_of_a_version_is_part_of_its_path(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    await client.put("/projects/other")
    answer = await client.get(f"/projects/other/versions/{deployed.version_id}")
    assert (answer.status_code, answer.json()) == (404, DOES_NOT_EXIST)


async def test_versions_and_the_deletion_of_their_project_do_not_miss_each_other(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    *answers, _ = await asyncio.gather(
        *(client.post(VERSIONS, json=definition(function_spec())) for _ in range(5)), client.delete(PROJECT)
    )
    accepted = sum(answer.status_code == 200 for answer in answers)
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert len((await client.get(VERSIONS)).json()["versions"]) == accepted


async def test_the_newest_versions_say_what_may_be_asked_for_at_once(
    client: httpx2.AsyncClient, database: Database
) -> None:
    await client.put("/projects/p")
    for capacity in ("provider:before", "provider:now"):
        made = await client.post(VERSIONS, json=definition(function_spec("f", platform={"capacity": capacity})))
        assert made.status_code == 200, made.text
        spec = made.json()["functions"][0]["resource_spec"]
    async with database.transaction() as connection:
        found = {demand.capacity: demand.resource_spec for demand in await newest_demands(connection)}
    assert "provider:before" not in found
    now = found["provider:now"]
    assert (now.virtual_cpus, now.memory_gbs, now.max_concurrency) == tuple(
        spec[name] for name in ("virtual_cpus", "memory_gbs", "max_concurrency")
    )
