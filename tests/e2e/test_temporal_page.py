"""Every command of docs/temporal.md is run as it stands, against a stack with an invocation that each can act on."""

import asyncio
import os
import re
import sysconfig
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.e2e.ages import grow_old
from tests.e2e.conftest import NewProject
from tests.e2e.project import Project, lines_of, release_file
from workflows.naming import SEARCH_ATTRIBUTES

# The same commands on all of them.
pytestmark = pytest.mark.platforms("process")

PAGE = (Path(__file__).parents[2] / "docs" / "temporal.md").read_text()
TRIED: set[str] = set()
COMMANDS: list[str] = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

VIEWS: list[str] = re.findall(r"^\| [^|]+ \| `([^`]* (?:=|AND) [^`]*)` \|$", PAGE, re.MULTILINE)
assert len(VIEWS) == 7


def command(*words: str) -> str:
    """The page's only command that has all these words in it."""
    (found,) = [line for line in COMMANDS if all(word in line for word in words)]
    TRIED.add(found)
    return found


class Operator:
    """Someone with the page in front of them."""

    def __init__(self, stack: StackAccess, folder: Path) -> None:
        self.variables: dict[str, str] = {}
        self._folder = folder
        self._stack = stack

    async def run(self, line: str) -> str:
        programs = sysconfig.get_path("scripts")
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euc", line),
            cwd=self._folder,
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "HOME": str(self._folder),
                "TEMPORAL_ADDRESS": self._stack.temporal_address,
                **self.variables,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"{line}\n{said}"
        return said


@pytest.fixture
def operator(stack: StackAccess, tmp_path: Path) -> Operator:
    return Operator(stack, tmp_path)


@pytest.fixture
async def running(project: Project, operator: Operator, tmp_path: Path) -> str:
    """An invocation that runs until it is stopped."""
    await project.deploy("note_and_hold")
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    operator.variables = {"PROJECT": project.name, "FUNCTION": "note_and_hold", "INVOCATION": invocation_id}
    return invocation_id


async def said_of(operator: Operator, line: str, expected: str) -> None:
    """Lists follow the workflows a moment later."""
    while expected not in (said := await operator.run(line)):
        await asyncio.sleep(0.1)
    assert expected in said


async def test_listing_and_showing(project: Project, operator: Operator, running: str, tmp_path: Path) -> None:
    assert await operator.run(command("export TEMPORAL_ADDRESS")) == ""
    await said_of(operator, command("list", "ControlPlaneProject = '$PROJECT'\""), running)
    await said_of(operator, command("list", "ControlPlaneFunction"), running)
    await said_of(operator, command("count"), "Running")
    child = await project.invoke(
        "note_and_hold", parent=("note_and_hold", running), notes=str(tmp_path / "x"), release=str(tmp_path / "never")
    )
    await said_of(operator, command("ControlPlaneParent = "), child)
    for query in VIEWS:
        await operator.run(f'temporal workflow list --query "{query}"')
    assert running in await operator.run(command("workflow describe"))
    await operator.run(command("show", "history.json"))
    assert "goes on with it" in await operator.run(command("control-plane check-history"))
    assert '"attempt":1' in (await operator.run(command("query", "status"))).replace(" ", "")
    await project.cancel("note_and_hold", running)
    await project.ended("note_and_hold", child)


async def test_cancelling(project: Project, operator: Operator, running: str) -> None:
    await operator.run(command("workflow cancel -w"))
    assert (await project.ended("note_and_hold", running))["executions"][0]["outcome"] == "ABORTED"


async def test_cancelling_many(project: Project, operator: Operator, running: str) -> None:
    await said_of(operator, command("list", "ControlPlaneFunction"), running)
    await operator.run(command("workflow cancel --query"))
    assert (await project.ended("note_and_hold", running))["executions"][0]["outcome"] == "ABORTED"


async def test_skipping_a_backoff(new_project: NewProject, operator: Operator, tmp_path: Path) -> None:
    project = new_project()
    await project.deploy(
        "fail_at_first", max_retries=1, retry_initial_interval_seconds=600, retry_max_interval_seconds=600
    )
    invocation_id = await project.invoke("fail_at_first", notes=str(tmp_path / "notes"), failures=1)
    operator.variables = {"INVOCATION": invocation_id}
    await said_of(operator, command("query", "status"), "backing off")
    await operator.run(command("signal"))
    assert (await project.ended("fail_at_first", invocation_id))["executions"][1]["output"] == "2"


async def test_terminating(project: Project, operator: Operator, running: str, catalog: Database) -> None:
    await operator.run(command("terminate"))
    await grow_old(catalog, running)
    while (await project.get("note_and_hold", running))["invocation_status"] == "RUNNING":
        await operator.run(command("schedule trigger"))
        await asyncio.sleep(0.5)
    await said_of(operator, command("ReconciliationWorkflow"), "ReconciliationWorkflow")


async def test_resetting(project: Project, operator: Operator, temporal: Client) -> None:
    await project.deploy("double")
    invocation_id = await project.invoke("double", number=21)
    operator.variables = {"INVOCATION": invocation_id}
    await temporal.get_workflow_handle(invocation_id).result()
    before = await project.get("double", invocation_id)
    await operator.run(command("reset"))
    await temporal.get_workflow_handle(invocation_id).result()
    assert await project.get("double", invocation_id) == before


async def test_registering_search_attributes(operator: Operator) -> None:
    await operator.run("temporal operator namespace create --namespace fresh")
    operator.variables = {"TEMPORAL_NAMESPACE": "fresh"}
    await operator.run(command("operator search-attribute create"))
    await operator.run(command("operator search-attribute create"))
    for key in SEARCH_ATTRIBUTES:
        await said_of(operator, "temporal operator search-attribute list", key.name)


async def test_saying_when_a_release_takes_over(tmp_path: Path) -> None:
    ledger, builds = Ledger(), ({"CONTROL_PLANE_BUILD_ID": "1"}, {"CONTROL_PLANE_BUILD_ID": "2"})
    async with process_stack(tmp_path / "data", ledger, loop_environments=builds) as stack:
        operator = Operator(stack.accesses[0], tmp_path)
        await made_current(operator, "1")
        project = Project(stack.accesses[0], "releases")
        await project.deploy("note_and_hold", max_concurrency=5)
        notes, release = tmp_path / "notes", tmp_path / "release"
        before = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        await lines_of(notes)
        assert await release_of(stack.client, before) == "1"
        await made_current(operator, "2")
        after = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        await lines_of(notes, at_least=2)
        assert await release_of(stack.client, after) == "2"
        release_file(str(release))
        for invocation_id in (before, after):
            (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
            assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 1)
        while await release_of(stack.client, before) != "2":  # it has ended under the release that took over
            await asyncio.sleep(0.1)
        await project.http.aclose()
    assert ledger.violations == []


async def made_current(operator: Operator, build_id: str) -> None:
    """As soon as Temporal has heard of the release."""
    operator.variables = {"BUILD_ID": build_id}
    while True:
        try:
            await operator.run(command("set-current-version"))
        except AssertionError:
            await asyncio.sleep(0.2)
        else:
            break
    await said_of(operator, command("deployment describe"), build_id)


async def release_of(temporal: Client, invocation_id: str) -> str:
    """Under which its last step was made."""
    description = await temporal.get_workflow_handle(invocation_id).describe()
    return description.raw_description.workflow_execution_info.versioning_info.deployment_version.build_id


def test_every_command_of_the_page_was_tried() -> None:
    """Of the whole file, as the tests above are run."""
    assert set(COMMANDS) == TRIED
