"""What is told to whoever collects traces and metrics has no value of a secret in it."""

import uuid

import httpx2

from tests.observability.conftest import NewProject, Observed


async def test_a_secret_is_in_no_span_and_no_metric(new_project: NewProject, observed: Observed) -> None:
    value = f"planted-{uuid.uuid4().hex}"
    project = new_project()
    await project.set_secret("it", value)
    await project.deploy("length_of_secret", "fail", secrets={"SECRET": "it"})
    invocation_id = await project.invoke("length_of_secret")
    (execution,) = (await project.ended("length_of_secret", invocation_id))["executions"]
    assert execution["output"] == str(len(value))
    await project.ended("fail", await project.invoke("fail"))
    for name in ("execution length_of_secret", "execution fail"):
        await observed.spans.span(name, project=project.name)
    assert observed.spans.has(project.name)
    assert not observed.spans.has(value)
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        for job, port in observed.metrics_ports.items():
            metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            assert "# TYPE" in metrics, job
            assert value not in metrics, job
