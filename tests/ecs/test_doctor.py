"""The doctor where the settings are those of the template's outputs, and functions run."""

from pathlib import Path

from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from tests.aws.wire import DOCTOR_KEY
from tests.cli.terminal import Terminal
from tests.e2e.project import Project
from tests.ecs.conftest import Cloud


async def test_nothing_is_missing_and_tasks_reach_the_api(cloud: Cloud, project: Project, tmp_path: Path) -> None:
    await project.deploy("double", max_retries=0)
    (execution,) = (await project.ended("double", await project.invoke("double", number=4)))["executions"]
    assert execution["output"] == "8"
    postgres = await EmbeddedPostgres(cloud.folder / "postgres").start()  # finds the one that runs
    doctor = Terminal(
        tmp_path,
        **cloud.environment | {"AWS_ACCESS_KEY_ID": DOCTOR_KEY},
        POSTGRES_HOST=postgres.host,
        POSTGRES_PORT=str(postgres.port),
        POSTGRES_DB=postgres.db,
        POSTGRES_USER=postgres.user,
        POSTGRES_PASSWORD=postgres.password.get_secret_value(),
        TEMPORAL_ADDRESS=cloud.stack.temporal_address,
        CONTROL_PLANE_API_URL=cloud.stack.api_url,
        CONTROL_PLANE_API_KEY=cloud.stack.api_key,
        CONTROL_PLANE_SECRETS_KEYS="A" * 43 + "=",
    )
    run = await doctor.succeed("doctor", "--probe", "--json")
    checks = {check["name"]: check for check in run.document["checks"]}
    assert {name: check["finding"] for name, check in checks.items() if check["health"] != "ok"} == {}
    assert checks["quota of FARGATE"]["finding"].startswith("1000 vCPUs")
    assert checks["route to the API"]["finding"].startswith(f"a task has reached {cloud.stack.api_url}")
