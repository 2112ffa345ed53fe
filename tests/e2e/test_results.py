"""What functions return is JSON that everybody reads, or no success."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.e2e.project import FUNCTIONS, Project

pytestmark = pytest.mark.platforms("process")  # the program in a container is the same on each

KINDS = ("nan", "infinity", "decimal", "array", "frame", "circle", "complex", "object", "key", "keys")


@pytest.fixture(scope="module")
def results() -> Iterator[ModuleType]:
    """The functions' module of this name, which is no package of ours."""
    spec = importlib.util.spec_from_file_location("e2e_results", FUNCTIONS / "results.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


async def test_every_type_arrives_as_json_that_others_read(project: Project, results: ModuleType) -> None:
    await project.deploy("every_type")
    invocation = await project.ended("every_type", await project.invoke("every_type"))
    (execution,) = invocation["executions"]
    assert execution["outcome"] == "SUCCEEDED", execution["error_message"]
    found = as_others_read(execution["output"])
    assert found["values"] == results.WRITTEN
    nested = [[{"price": [value], "point": [1, 2.5]}] for value in results.WRITTEN.values()]
    assert found["nested"] == nested


async def test_what_others_cannot_read_is_no_success(project: Project, results: ModuleType) -> None:
    assert {*KINDS} == {*results.UNREADABLE}
    # What the module imports takes a second, once in each container.
    await project.deploy("unreadable", max_concurrency=2, reuse={"idle_seconds": 20})
    started = {kind: await project.invoke("unreadable", kind=kind) for kind in KINDS}
    for kind, invocation_id in started.items():
        (execution,) = (await project.ended("unreadable", invocation_id))["executions"]
        assert (execution["outcome"], execution["output"]) == ("FAILED", None)
        problem = results.UNREADABLE[kind][1]
        assert execution["error_message"].startswith(f"The output cannot be written as JSON: {problem}")


def as_others_read(text: str) -> Any:
    """By JavaScript's parser; where there is no Node.js, by Python's without what only Python takes for JSON."""
    node = shutil.which("node")
    if node is None:
        return json.loads(text, parse_constant=refuse)
    program = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
    completed = subprocess.run([node, "-e", program], input=text.encode(), capture_output=True, check=True, timeout=30)
    return json.loads(completed.stdout)


def refuse(constant: str) -> None:
    raise AssertionError(constant)
