"""Every query of the dashboard and every alert, on a real Prometheus that watches a stack under load.

Needs the program `prometheus`: `make test` says where it is not run.
"""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from tests.e2e.ages import insert_old_invocation
from tests.e2e.project import Project, lines_of
from tests.e2e.repairs import repairs
from tests.figures import Show
from tests.observability.conftest import NewProject, Observed
from tests.observability.prometheus import FOLDER, running_prometheus


def rules_of_file() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def dashboard_queries() -> list[str]:
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


async def load(project: Project, observed: Observed, temporal: Client, catalog: Database, *, version: str) -> None:
    """Something of everything: a success, a failure, no capacity, a throttled and a failed call, a repair."""
    await observed.aws.throttle("RunTask", calls=1)
    await project.ended("traceparent", await project.invoke("traceparent"))
    await observed.aws.lack_capacity(calls=1)
    await observed.aws.deny("DescribeTasks", calls=1)
    await project.ended("fail", await project.invoke("fail"))
    await observed.aws.clear_faults()
    await insert_old_invocation(catalog, version)
    assert (await repairs(temporal))["invocations started"] == 1


async def test_every_query_has_data_and_says_what_happened(
    new_project: NewProject, observed: Observed, temporal: Client, catalog: Database, tmp_path: Path, show: Show
) -> None:
    project, repaired = new_project(), new_project()
    await project.deploy("traceparent", "fail", "call_and_hold", max_concurrency=1)
    version = (await repaired.deploy("traceparent"))["version_id"]
    notes, release = tmp_path / "notes", tmp_path / "release"
    held = [await project.invoke("call_and_hold", notes=str(notes), release=str(release)) for _ in range(3)]
    await lines_of(notes, at_least=2)
    await load(project, observed, temporal, catalog, version=version)
    async with running_prometheus(tmp_path, observed.metrics_ports) as prometheus:
        await prometheus.value("count(up == 1)", at_least=len(observed.metrics_ports))
        await prometheus.data("control_plane_executions_ended_total")
        await load(project, observed, temporal, catalog, version=version)

        of_holding = f'project="{project.name}", function="call_and_hold"'
        for expression, at_least in (
            (f"control_plane_queue_length{{{of_holding}}}", 2),
            (f"control_plane_queue_oldest_age_seconds{{{of_holding}}}", 0.5),
            (f'control_plane_executions{{{of_holding}, worker_status="RUNNING"}}', 1),
            (f"control_plane_invocations_running{{{of_holding}}}", 3),
            ('control_plane_executions_ended_total{outcome="SUCCEEDED"}', 2),
            ('control_plane_executions_ended_total{outcome="FAILED"}', 2),
            ('control_plane_launches_repeated_total{reason="no_capacity"}', 2),
            ('control_plane_aws_calls_total{service="ecs", operation="RunTask", result="throttled"}', 2),
            ('control_plane_aws_calls_total{service="ecs", operation="DescribeTasks", result="error"}', 1),
            ('control_plane_repairs_total{kind="invocations_started"}', 2),
            ("control_plane_provisioning_duration_seconds_count", 5),
            ('control_plane_http_request_duration_seconds_count{method="GET", route=~".*wait_seconds"}', 4),
        ):
            await prometheus.value(expression, at_least=at_least)
        queries = dashboard_queries()
        for query in queries:
            async with asyncio.timeout(20):
                assert await prometheus.data(query.replace("$__rate_interval", "1m")), query
        rules = await prometheus.rules()
        assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
        assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
        show(f"Prometheus: {len(queries)} queries of the dashboard have data, {len(rules)} alerts are evaluated")
    release.touch()
    for invocation_id in held:
        await project.ended("call_and_hold", invocation_id)


def test_times_of_schedules_that_are_missed_are_told(tmp_path: Path) -> None:
    """One within the hour, as any of the processes has counted it, and not for ever."""
    missed = 'control_plane_scheduled_calls_total{state="missed", instance="%s"}'
    series = [{"series": missed % "a", "values": "0x60 1x120"}, {"series": missed % "b", "values": "2x180"}]
    alert = "ControlPlaneScheduleTimesAreMissed"
    (rule,) = [rule for rule in rules_of_file() if rule["alert"] == alert]
    expected = [{"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}]
    cases = [
        {"alertname": alert, "eval_time": "50m", "exp_alerts": []},
        {"alertname": alert, "eval_time": "65m", "exp_alerts": expected},
        {"alertname": alert, "eval_time": "150m", "exp_alerts": []},
    ]
    test = {
        "rule_files": [str(FOLDER / "alerts.yml")],
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": cases}],
    }
    (tmp_path / "test.yml").write_text(json.dumps(test))
    command = ("promtool", "test", "rules", tmp_path / "test.yml")
    tested = subprocess.run(command, check=False, capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout + tested.stderr
