"""The doctor on a laptop, with a deployment's environment, and where something is missing."""

import time
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from environment.settings import PostgresSettings
from tests.aws.client import open_client
from tests.aws.process import StandIn, running_stand_in
from tests.aws.wire import DOCTOR_KEY
from tests.cli.stacks import Ports
from tests.cli.terminal import Ended, Terminal
from tests.unit.environment.examples import Example


def _health(run: Ended) -> dict[str, str]:
    return {check["name"]: check["health"] for check in run.document["checks"]}


def _findings(run: Ended) -> dict[str, str]:
    return {check["name"]: check["finding"] for check in run.document["checks"]}


@pytest.fixture
async def catalog(home: Path) -> PostgresSettings:
    """The stack's own."""
    return await EmbeddedPostgres(home / ".control-plane" / "postgres").start()  # finds the one that runs


@pytest.fixture
def deployment(catalog: PostgresSettings, access: StackAccess) -> dict[str, str]:
    """What the processes of one have in their environment."""
    return {
        "POSTGRES_HOST": catalog.host,
        "POSTGRES_PORT": str(catalog.port),
        "POSTGRES_DB": catalog.db,
        "POSTGRES_USER": catalog.user,
        "POSTGRES_PASSWORD": catalog.password.get_secret_value(),
        "TEMPORAL_ADDRESS": access.temporal_address,
        "CONTROL_PLANE_API_URL": access.api_url,
        "CONTROL_PLANE_API_KEY": access.api_key,
        "CONTROL_PLANE_SECRETS_KEYS": "A" * 43 + "=",
    }


async def test_nothing_is_set_up(tmp_path: Path) -> None:
    run = await Terminal(tmp_path).run("doctor")
    assert run.exit_code == 1
    assert "local stack: start one with: control-plane dev\n" in run.stderr
    as_json = await Terminal(tmp_path).run("doctor", "--json")
    assert _health(as_json) == {"local stack": "unknown", "server": "failed"}


async def test_a_stack_on_this_machine(terminal: Terminal) -> None:
    run = await terminal.succeed("doctor", "--json")
    assert _health(run) == dict.fromkeys(("local stack", "server", "API key", "API"), "ok")
    assert run.stderr == ""


async def test_wrong_key(terminal: Terminal) -> None:
    run = await terminal.with_environment(CONTROL_PLANE_API_KEY="wrong").run("doctor")
    assert run.exit_code == 1
    assert "API key: ask for the right one, then run: control-plane login" in run.stderr


async def test_a_deployment(tmp_path: Path, deployment: dict[str, str]) -> None:
    run = await Terminal(tmp_path, **deployment).succeed("doctor", "--json")
    names = (
        *(
            "settings",
            "PostgreSQL",
            "schema",
            "secrets",
            "Temporal",
            "search attributes",
            "loop",
            "Temporal's namespace",
            "object store",
            "containers",
        ),
        *("server", "API key", "API"),
    )
    assert _health(run) == dict.fromkeys(names, "ok")


async def test_a_catalog_that_the_namespace_does_not_work_for(
    tmp_path: Path, deployment: dict[str, str], migrated_database: Database, postgres_settings: PostgresSettings
) -> None:
    another = {"POSTGRES_HOST": postgres_settings.host, "POSTGRES_DB": postgres_settings.db}
    run = await Terminal(tmp_path, **deployment | another).run("doctor", "--json")
    assert {name for name, health in _health(run).items() if health == "failed"} == {"Temporal's namespace"}
    assert _findings(run)["Temporal's namespace"].endswith("works for another catalog")


async def test_what_is_away_or_missing(tmp_path: Path, deployment: dict[str, str]) -> None:
    nobody = f"127.0.0.1:{Ports.free().api}"
    broken = deployment | {"TEMPORAL_ADDRESS": nobody, "POSTGRES_USER": "nobody"}
    run = await Terminal(tmp_path, **broken).run("doctor", "--json")
    assert run.exit_code == 1
    assert {name for name, health in _health(run).items() if health == "failed"} == {"PostgreSQL", "Temporal"}
    assert 'role "nobody" does not exist' in _findings(run)["PostgreSQL"]


async def test_no_such_namespace(tmp_path: Path, deployment: dict[str, str]) -> None:
    run = await Terminal(tmp_path, **deployment, TEMPORAL_NAMESPACE="nowhere").run("doctor", "--json")
    assert _health(run)["Temporal"] == "failed"
    assert "nowhere" in _findings(run)["Temporal"]


async def test_old_schema(tmp_path: Path, deployment: dict[str, str], postgres_server: PostgresSettings) -> None:
    # A database of ours has tables from the beginning.
    another = {"POSTGRES_HOST": postgres_server.host, "POSTGRES_DB": "postgres"}
    run = await Terminal(tmp_path, **deployment | another).run("doctor", "--json")
    assert (_health(run)["PostgreSQL"], _findings(run)["schema"]) == ("ok", "there is none")


async def test_incomplete_settings(tmp_path: Path, deployment: dict[str, str]) -> None:
    run = await Terminal(tmp_path, **deployment).run("doctor", "--provisioner=ecs", "--json")
    findings = [check["finding"] for check in run.document["checks"] if check["name"] == "settings"]
    assert "CLUSTER_NAME: Field required" in findings


async def test_no_engine(tmp_path: Path, deployment: dict[str, str]) -> None:
    engine = {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock", "DOCKER_NETWORK": "host"}
    run = await Terminal(tmp_path, **deployment, **engine).run("doctor", "--json")
    assert run.exit_code == 1
    assert _health(run)["Docker engine"] == "failed"


READS = (
    *("ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask", "ecs:ListTaskDefinitions"),
    *("ecs:DescribeTaskDefinition", "logs:GetLogEvents", "ecr:GetAuthorizationToken"),
)
CHANGES = (
    *("ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition", "ecs:RunTask", "ecs:TagResource", "iam:PassRole"),
    *("sqs:ReceiveMessage", "sqs:DeleteMessage"),
)


async def test_account(tmp_path: Path, deployment: dict[str, str]) -> None:
    async with running_stand_in(has_event_queue=True) as aws:
        own = aws.environment | deployment
        looked_at = (
            *(f"ECS cluster {own['CLUSTER_NAME']}", f"log group {own['LOG_GROUP']}", "subnets"),
            *("queue control-plane-task-events", "rule of the queue"),
        )
        doctor = Terminal(tmp_path, **own | {"AWS_ACCESS_KEY_ID": DOCTOR_KEY}, ECS_CAPACITY_PROVIDERS="FARGATE_SPOT=1")
        health = _health(await doctor.succeed("doctor", "--json"))
        expected = ("AWS", "capacity", *READS, *looked_at, *CHANGES)
        assert {name: health[name] for name in expected} == dict.fromkeys(expected, "ok")

        # With the rights of the processes alone it cannot look everywhere, and that is no failure.
        health = _health(await Terminal(tmp_path, **own).succeed("doctor", "--json"))
        assert {name: health[name] for name in READS} == dict.fromkeys(READS, "ok")
        unseen = (*looked_at[:4], *CHANGES)
        assert {name: health[name] for name in unseen} == dict.fromkeys(unseen, "unknown")
        await _denied_and_missing(tmp_path, own, aws)


async def _denied_and_missing(tmp_path: Path, own: dict[str, str], aws: StandIn) -> None:
    await aws.control.deny("ListTasks")
    async with open_client(aws) as administrator:
        await administrator.events.disable_rule(Name="control-plane-task-events")
    role = "arn:aws:iam::123456789012:role/control-plane-function-nobody"
    wrong = {
        "LOG_GROUP": "/nowhere",
        "ECS_ALLOWED_TASK_ROLE_ARNS": role,
        "SUBNET_IDS": "subnet-00000000000000000",
        "TASK_ROLE_ARN": "arn:aws:iam::123456789012:role/admin",
    }
    run = await Terminal(tmp_path, **own | wrong | {"AWS_ACCESS_KEY_ID": DOCTOR_KEY}).run("doctor", "--json")
    assert run.exit_code == 1
    failures = {name for name, health in _health(run).items() if health == "failed"}
    missing = {"log group /nowhere", "task role control-plane-function-nobody", "subnets"}
    assert failures == {"ecs:ListTasks", "logs:GetLogEvents", "iam:PassRole", "rule of the queue"} | missing
    assert _findings(run)["rule of the queue"] == "control-plane-task-events is disabled"
    assert _findings(run)["iam:PassRole"] == "denied for arn:aws:iam::123456789012:role/admin"


async def test_no_credentials(tmp_path: Path, deployment: dict[str, str]) -> None:
    without = Example("example-ecs.env").variables()
    began = time.monotonic()
    nowhere = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}
    run = await Terminal(tmp_path, **without | nowhere | deployment).run("doctor", "--json")
    assert time.monotonic() - began < 60
    assert (_health(run)["AWS"], _findings(run)["AWS"]) == ("failed", "Unable to locate credentials")
