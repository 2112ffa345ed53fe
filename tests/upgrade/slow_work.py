"""What takes long by itself, and is in the middle of it when one release takes the place of another."""

import asyncio
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client, WorkflowExecutionStatus

from control_plane_server.catalog.connecting import connect
from control_plane_server.catalog.database import STATEMENT_LIMIT
from control_plane_server.domain.identifiers import FunctionName, InvocationId
from control_plane_server.domain.messages import CleanUpRequest, PreparationRequest
from environment.settings import PostgresSettings
from tests.e2e.project import Project, definition, lines_of, release_file
from workflows.naming import (
    RECONCILIATION_SCHEDULE_ID,
    clean_up_workflow_id,
    invocation_workflow_id,
    preparation_workflow_id,
)

_ENDED_WITHIN = 180.0  # seconds: a reconciliation comes once a minute
_STOPPED = "clean_up_when_stopped"
_FUNCTIONS_HELD = 30  # more than are prepared at a time
# While there is a row in `preparations_held`, functions whose name begins with `held` cannot be prepared.
_HOLD = """
CREATE SEQUENCE IF NOT EXISTS preparations_tried;
CREATE TABLE IF NOT EXISTS preparations_held (by text);
CREATE OR REPLACE FUNCTION hold_preparation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('preparations_tried');
    IF EXISTS (SELECT FROM preparations_held) THEN
        RAISE EXCEPTION 'held by the test' USING ERRCODE = '57014';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER hold_preparation BEFORE UPDATE ON functions
    FOR EACH ROW WHEN (NEW.function_name LIKE 'held%') EXECUTE FUNCTION hold_preparation();
INSERT INTO preparations_held VALUES ('the test');
SELECT setval('preparations_tried', 1);
"""


class SlowWork:
    """A stop in its grace period, a clean-up and a deletion that wait for what they have stopped, a large version in
    preparation."""

    def __init__(self, access: StackAccess, catalog: PostgresSettings, functions: Path, folder: Path) -> None:
        folder.mkdir()
        self._access = access
        self._catalog = catalog
        self._functions = functions
        self._folder = folder
        self._release = str(folder / "release")
        self._projects = self._stopping, self._cleaned, self._deleted, self._preparing = tuple(
            Project(access, f"upgrade-{folder.name}-{what}") for what in ("stopping", "cleaned", "deleted", "preparing")
        )
        self._stopped = self._cleaned_up = self._stopped_by_deletion = InvocationId("")
        self._version_id = ""

    def __len__(self) -> int:
        return len(self._projects)

    async def begin(self) -> None:
        """Return once each is in the middle of it. Stops come last: a stopped container is killed two minutes later."""
        self._cleaned_up = await self._hold(self._cleaned)
        self._stopped = await self._hold(self._stopping)
        self._stopped_by_deletion = await self._hold(self._deleted)
        await self._begin_preparation()
        await self._begin_clean_up()
        await self._stopping.cancel(_STOPPED, self._stopped)
        await self._deleted.http.delete(f"/projects/{self._deleted.name}")
        await self._is_cleaning_up(self._stopping, self._stopped)
        await self._is_cleaning_up(self._deleted, self._stopped_by_deletion)

    async def go_on(self) -> list[str]:
        """Let what was stopped clean up to its end, as the release is replaced. What had not lasted until now."""
        problems = []
        for project, invocation_id in ((self._stopping, self._stopped), (self._cleaned, self._cleaned_up)):
            if (await project.get(_STOPPED, invocation_id))["executions"][0]["worker_status"] == "TERMINATED":
                problems.append(f"what was stopped in {project.name} had ended before the release was replaced")
        release_file(self._release)
        return problems

    async def end(self, *, is_older: bool = False) -> list[str]:
        """See them to their ends, and say what is not as it should be.

        `is_older`: under a release that cannot go on with all of them, after what docs/operations.md says to do.
        """
        try:
            async with asyncio.timeout(_ENDED_WITHIN):
                return await self._problems(is_older=is_older)
        except TimeoutError:
            return [f"not all of the slow work of {self._folder.name} has ended within {_ENDED_WITHIN:.0f} s"]
        finally:
            for project in self._projects:
                await project.http.aclose()

    async def _problems(self, *, is_older: bool) -> list[str]:
        problems = []
        await self._execute("DELETE FROM preparations_held")
        if is_older:
            await self._terminate(preparation_workflow_id(self._preparation.version_id))
            await self._terminate(clean_up_workflow_id(CleanUpRequest(invocation_id=self._cleaned_up)))
        await self._are_ready()
        for project, invocation_id in ((self._stopping, self._stopped), (self._cleaned, self._cleaned_up)):
            invocation = await project.ended(_STOPPED, invocation_id)
            outcomes = [execution["outcome"] for execution in invocation["executions"]]
            if outcomes != ["ABORTED"]:
                problems.append(f"what was stopped in {project.name} has {outcomes}")
        while (await self._deleted.http.get(f"/projects/{self._deleted.name}")).status_code != 404:
            await asyncio.sleep(0.05)
        for invocation_id in (self._stopped, self._stopped_by_deletion):
            if is_older:
                await self._terminate(invocation_workflow_id(invocation_id))
            await self._is_closed(invocation_workflow_id(invocation_id))
        await self._is_closed(clean_up_workflow_id(CleanUpRequest(invocation_id=self._cleaned_up)))
        await self._is_closed(preparation_workflow_id(self._preparation.version_id))
        return problems

    async def _hold(self, project: Project) -> InvocationId:
        """An invocation that takes its time once it is stopped."""
        notes = self._folder / project.name
        await project.deploy(_STOPPED, folder=self._functions)
        invocation_id = await project.invoke(_STOPPED, notes=str(notes), release=self._release)
        await lines_of(notes)
        return InvocationId(invocation_id)

    async def _begin_clean_up(self) -> None:
        """Somebody closes a workflow, and the reconciliation finds out."""
        await self._terminate(invocation_workflow_id(self._cleaned_up))
        schedule = (await self._temporal()).get_schedule_handle(RECONCILIATION_SCHEDULE_ID)
        while not await self._cleans_up(self._cleaned, self._cleaned_up):
            await schedule.trigger()
            await asyncio.sleep(1)

    async def _is_cleaning_up(self, project: Project, invocation_id: InvocationId) -> None:
        while not await self._cleans_up(project, invocation_id):
            await asyncio.sleep(0.05)

    async def _cleans_up(self, project: Project, invocation_id: InvocationId) -> bool:
        """Whether the container has been told to end, and has said so."""
        return bool((await project.get(_STOPPED, invocation_id))["executions"][0]["output"])

    async def _begin_preparation(self) -> None:
        await self._execute(_HOLD)
        await self._preparing.http.put(f"/projects/{self._preparing.name}")
        answer = await self._preparing.http.post(
            f"/projects/{self._preparing.name}/versions",
            json=definition(self._functions.as_uri(), *self._preparation_names),
        )
        self._version_id = answer.json()["version_id"]
        while await self._execute("SELECT last_value FROM preparations_tried") < 20:
            await asyncio.sleep(0.05)

    async def _are_ready(self) -> None:
        path = f"/projects/{self._preparing.name}/versions/{self._version_id}"
        while any(
            function["function_status"] != "READY"
            for function in (await self._preparing.http.get(path)).json()["functions"]
        ):
            await asyncio.sleep(0.2)

    @property
    def _preparation_names(self) -> tuple[FunctionName, ...]:
        return tuple(FunctionName(f"held_{number}") for number in range(_FUNCTIONS_HELD))

    @property
    def _preparation(self) -> PreparationRequest:
        return PreparationRequest(
            project_name=self._preparing.name, version_id=self._version_id, function_names=self._preparation_names
        )

    async def _terminate(self, workflow_id: str) -> None:
        handle = (await self._temporal()).get_workflow_handle(workflow_id)
        if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await handle.terminate()

    async def _is_closed(self, workflow_id: str) -> None:
        handle = (await self._temporal()).get_workflow_handle(workflow_id)
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(0.2)

    async def _temporal(self) -> Client:
        return await Client.connect(self._access.temporal_address, namespace=self._access.temporal_namespace)

    async def _execute(self, statements: str) -> int:
        """The value that a query asks for; 0 of what asks for none."""
        connection = await connect(self._catalog.url, name="upgrade", statement_limit=STATEMENT_LIMIT)
        try:
            if statements.startswith("SELECT"):
                return int(await connection.fetchval(statements))
            await connection.execute(statements)
            return 0
        finally:
            await connection.close()
