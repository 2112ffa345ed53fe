"""One tree from a client's span over the request, the invocation, its execution and its launch into the container."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from control_plane.machine.records import read_record
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.domain.traces import SpanRef
from tests.e2e.ages import insert_old_invocation
from tests.e2e.project import lines_of
from tests.e2e.repairs import repairs
from tests.observability.collector import Received
from tests.observability.conftest import NewProject, Observed

CLIENT = SpanRef(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7", flags="01")
REQUEST = "POST /projects/{project_name}/versions/{version_ref_str}/functions/{function_name}/invocations"
INVOCATION = "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}/invocations/{invocation_id}"
KINDS = ("invocation", "execution", "launch")
EXECUTION = INVOCATION + "/executions/{execution_id}"


def path_to(span_id: str, trace: dict[str, Received]) -> list[str]:
    """The names of a span and of all above it, the uppermost first."""
    names: list[str] = []
    while span_id in trace:
        names.insert(0, trace[span_id].name)
        span_id = trace[span_id].parent
    return [span_id, *names]


async def test_spans_are_one_tree_though_the_loop_is_replaced_meanwhile(
    new_project: NewProject, observed: Observed, tmp_path: Path
) -> None:
    project = new_project()
    await project.deploy("call_and_hold", "traceparent")
    project.http.headers["traceparent"] = str(CLIENT)
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("call_and_hold", notes=str(notes), release=str(release))
    del project.http.headers["traceparent"]
    in_parent, in_child = map(SpanRef.parse, await lines_of(notes, at_least=2))
    # Of what ends just when the loop does, the spans can be lost.
    await observed.spans.span("invocation traceparent", project=project.name)
    loop = read_record(observed.folder.record("loop"))
    assert loop is not None
    os.kill(loop.pid, signal.SIGTERM)
    while read_record(observed.folder.record("loop")) in (loop, None):
        await asyncio.sleep(0.02)
    release.touch()
    await project.ended("call_and_hold", invocation_id)

    whole = await observed.spans.span("invocation call_and_hold", invocation_id=invocation_id)
    (execution,) = (await project.get("call_and_hold", invocation_id))["executions"]
    await observed.spans.span("execution call_and_hold", execution_id=execution["execution_id"])
    trace = observed.spans.trace(CLIENT.trace_id)
    launch_of_parent = [CLIENT.span_id, REQUEST, *(f"{kind} call_and_hold" for kind in KINDS)]
    launch_of_child = [*launch_of_parent, REQUEST, *(f"{kind} traceparent" for kind in KINDS)]
    assert path_to(in_parent.span_id, trace) == launch_of_parent
    assert path_to(in_child.span_id, trace) == launch_of_child
    assert {path_to(span, trace)[0] for span in trace} == {CLIENT.span_id}
    said = {tuple(path_to(span.span_id, trace)) for span in trace.values() if span.name == f"PUT {EXECUTION}/finish"}
    assert said == {(*launch, f"PUT {EXECUTION}/finish") for launch in (launch_of_parent, launch_of_child)}

    assert {span.service for span in trace.values() if " /" in span.name} == {"control-plane-api"}
    assert {span.service for span in trace.values() if " /" not in span.name} == {"control-plane-loop"}
    assert not any(span.is_error for span in trace.values())
    assert whole.attributes["control_plane.project"] == project.name
    assert all(whole.start <= span.start <= span.end for span in trace.values() if span.name != REQUEST)


async def test_what_fails_is_marked(new_project: NewProject, observed: Observed) -> None:
    project = new_project()
    await project.deploy("fail")
    invocation_id = await project.invoke("fail")
    await project.ended("fail", invocation_id)
    for kind, is_error in (("invocation", True), ("execution", True), ("launch", False)):
        span = await observed.spans.span(f"{kind} fail", invocation_id=invocation_id)
        assert span.is_error == is_error


async def test_what_was_stopped_before_it_had_a_container_has_a_span(
    new_project: NewProject, observed: Observed
) -> None:
    project = new_project()
    await project.deploy("traceparent")
    await observed.aws.lack_capacity()
    invocation_id = await project.invoke("traceparent")
    await project.cancel("traceparent", invocation_id)
    await project.ended("traceparent", invocation_id)
    await observed.aws.clear_faults()
    assert (await observed.spans.span("invocation traceparent", invocation_id=invocation_id)).is_error


async def test_an_invocation_that_the_reconciliation_starts_is_a_tree_of_its_own(
    new_project: NewProject, observed: Observed, temporal: Client, catalog: Database
) -> None:
    project = new_project()
    version = await project.deploy("traceparent")
    invocation_id = await insert_old_invocation(catalog, version["version_id"])
    await repairs(temporal)
    (execution,) = (await project.ended("traceparent", invocation_id))["executions"]
    in_container = SpanRef.parse(json.loads(execution["output"]))
    await observed.spans.span("invocation traceparent", invocation_id=invocation_id)
    trace = observed.spans.trace(in_container.trace_id)
    names = ["", "start invocation", *(f"{kind} traceparent" for kind in KINDS)]
    assert path_to(in_container.span_id, trace) == names


def run_without_the_sdk(**variables: str) -> str:
    """What a program says that begins as our processes do, where no extra is installed."""
    program = (
        "import sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "import control_plane_server.processes.api, control_plane_server.processes.loop, control_plane.cli.main\n"
        "from control_plane_server.telemetry.tracing import TracingIsNotInstalled, TracingSettings, record_spans\n"
        "try:\n"
        "    with record_spans(TracingSettings(), service='x') as spans:\n"
        "        print('spans:', spans)\n"
        "except TracingIsNotInstalled as error:\n"
        "    print('refused:', error)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")} | variables
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_without_an_endpoint_the_sdk_is_not_needed() -> None:
    assert run_without_the_sdk() == "spans: None\n"
    assert run_without_the_sdk(OTEL_EXPORTER_OTLP_ENDPOINT="http://x", OTEL_SDK_DISABLED="true") == "spans: None\n"


def test_with_one_it_is_and_that_is_said() -> None:
    said = run_without_the_sdk(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert said.startswith("refused: OTEL_EXPORTER_OTLP_ENDPOINT is set, but what it needs is not installed")
