"""docker-compose.yml, from stand-in images: a function is deployed, invoked and waited for through it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.compose import Composition, composition, run

IMAGE = "control-plane-test-compose:1"
DOCKERFILE = """\
FROM python:3.13-slim
COPY --from=control-plane:latest /runtime /app
COPY main.py /app/
WORKDIR /app
CMD ["python3", "-m", "control_plane"]
"""
FUNCTION = """\
import time
from pathlib import Path

def hold():
    Path("/shared/runs").open("a").write("run\\n")
    print("holding", flush=True)
    while not Path("/shared/release").exists():
        time.sleep(0.05)
    return len(Path("/shared/runs").read_text().splitlines())
"""
INVOCATIONS = "/projects/p/versions/latest/functions/hold/invocations"

pytestmark = pytest.mark.timeout(600)  # ten servers are brought up beside other tests


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
async def up(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Composition]:
    folder = tmp_path_factory.mktemp("function")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "main.py").write_text(FUNCTION)
    await run("docker", "build", "--quiet", "--tag", IMAGE, str(folder))
    async with composition(shared) as it:
        yield it


async def test_an_invocation_goes_through_though_its_loop_is_killed(up: Composition, shared: Path) -> None:
    await up.call("PUT", "/projects/p")
    spec = {
        "function_name": "hold",
        "resource_spec": {"virtual_cpus": 0.5, "memory_gbs": 0.25, "max_concurrency": 1},
        "execution_spec": {"max_retries": 0, "timeout_seconds": 200},
    }
    await up.call("POST", "/projects/p/versions", {"default_docker_image": IMAGE, "functions": [spec]})
    invocation = (await up.call("POST", INVOCATIONS, {"input": "{}"}))["invocation_id"]
    while not (shared / "runs").exists():
        await asyncio.sleep(0.05)
    await run("docker", "kill", await loop_of(up, invocation))
    (shared / "release").touch()
    while (answer := await up.call("GET", f"{INVOCATIONS}/{invocation}?wait_seconds=30"))[
        "invocation_status"
    ] == "RUNNING":
        await asyncio.sleep(0.05)
    (execution,) = answer["executions"]
    assert (execution["outcome"], execution["output"], execution["launches"]) == ("SUCCEEDED", "1", 1)
    logs = await up.call("GET", f"{INVOCATIONS}/{invocation}/executions/{execution['execution_id']}/logs")
    assert logs["log_lines"] == ["holding"]


async def test_ours_run_as_nobody_in_particular_and_write_nothing(up: Composition) -> None:
    for service in ("api", "loop"):
        for container in await up.containers(service):
            (found,) = json.loads(await run("docker", "inspect", container))
            assert found["Config"]["User"] == "10001:10001"
            assert found["HostConfig"]["ReadonlyRootfs"]
            assert "org.opencontainers.image.revision" in found["Config"]["Labels"]


async def test_every_api_is_healthy_and_ready(up: Composition) -> None:
    assert await up.call("GET", "/health/ready") == {"postgres": "ok", "temporal": "ok"}
    for container in await up.containers("api"):
        (found,) = json.loads(await run("docker", "inspect", container))
        assert found["State"]["Health"]["Status"] == "healthy"


async def test_functions_reach_the_api_and_nothing_else(up: Composition) -> None:
    reach = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    inside = ("docker", "run", "--rm", f"--network={up.project}-workers", "python:3.13-slim", "python3", "-c", reach)
    await run(*inside, "api", "5000")
    for host, port in (("postgres", "5432"), ("temporal", "7233"), ("loop", "9466")):
        with pytest.raises(AssertionError, match="gaierror"):
            await run(*inside, host, port)


async def loop_of(up: Composition, invocation: str) -> str:
    """The container of the `loop` that watches over the invocation's container."""
    while True:
        (temporal,) = await up.containers("temporal")
        said = await run(
            *("docker", "exec", temporal, "temporal", "workflow", "describe"),
            *("--workflow-id", invocation, "--output", "json"),
        )
        pending: list[dict[str, Any]] = json.loads(said).get("pendingActivities", [])
        for activity in pending:
            if activity.get("activityType", {}).get("name") == "run_execution" and activity.get("lastWorkerIdentity"):
                return str(activity["lastWorkerIdentity"]).partition("@")[2].partition(":")[0]
        await asyncio.sleep(0.1)
