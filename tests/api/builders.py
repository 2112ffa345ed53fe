"""What API tests set up: deployed functions, invocations, and executions in any state."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
from sqlalchemy import func, insert, select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import ExecutionRow, InvocationRow
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.identifiers import ExecutionId, InvocationId, execution_id_for

ROOT_KEYS = ("root-key", "other-root-key")
SECRETS_KEYS = ("A" * 43 + "=", "b" * 42 + "8=")  # of which the API has the first
PROJECT = "/projects/p"
VERSIONS = "/projects/p/versions"

Json = dict[str, object]
Columns = Mapping[str, object]

# States of an execution, as columns of its row.
PENDING: Columns = {}
STARTED: Columns = {"execution_start_time": func.clock_timestamp()}
FINISHED: Columns = {**STARTED, "execution_finish_time": func.clock_timestamp(), "outcome": "SUCCEEDED"}
DEAD: Columns = {"container_status": ContainerStatus.TERMINATED.value}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def function_spec(name: str = "f", **changes: object) -> Json:
    """A legal FunctionSpec; `resource_spec` and `execution_spec` are merged, all else replaces."""
    resources: Json = {"virtual_cpus": 1, "memory_gbs": 2, "max_concurrency": 3}
    execution: Json = {"max_retries": 0, "timeout_seconds": 60}
    for part, changed in ((resources, "resource_spec"), (execution, "execution_spec")):
        change = changes.pop(changed, {})
        assert isinstance(change, dict)
        part.update(change)
    return {"function_name": name, "resource_spec": resources, "execution_spec": execution, **changes}


def definition(*functions: Json, **changes: object) -> Json:
    return {"default_docker_image": "image:1", "functions": list(functions), **changes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    project: str
    version_id: str

    @property
    def version(self) -> str:
        return f"/projects/{self.project}/versions/{self.version_id}"

    def invocations(self, function_name: str = "f") -> str:
        return f"{self.version}/functions/{function_name}/invocations"


async def deploy(client: httpx2.AsyncClient, *functions: Json, project: str = "p") -> Deployed:
    """A project, made unless it is there, with a new version of these functions; `f` by default."""
    await client.put(f"/projects/{project}")
    answer = await client.post(f"/projects/{project}/versions", json=definition(*(functions or (function_spec(),))))
    assert answer.status_code == 200, answer.text
    return Deployed(project=project, version_id=answer.json()["version_id"])


async def invoke(client: httpx2.AsyncClient, invocations: str, **body: object) -> str:
    """The path of a new invocation."""
    answer = await client.post(invocations, json={"input": "1", **body})
    assert answer.status_code == 200, answer.text
    return f"{invocations}/{answer.json()['invocation_id']}"


async def add_execution(database: Database, invocation: str, state: Columns = PENDING, *, attempt: int = 1) -> str:
    """The path of a new execution of the invocation at this path: PENDING unless the state says otherwise."""
    invocation_id = InvocationId(invocation.rsplit("/", 1)[1])
    execution_id = execution_id_for(invocation_id, attempt)
    function_id = select(InvocationRow.function_id).where(InvocationRow.invocation_id == invocation_id)
    async with database.statement() as connection:
        await connection.execute(
            insert(ExecutionRow).values(
                execution_id=execution_id,
                invocation_id=invocation_id,
                function_id=function_id.scalar_subquery(),
                attempt=attempt,
                **state,
            )
        )
    return f"{invocation}/executions/{execution_id}"


def execution_id_of(path: str) -> ExecutionId:
    return ExecutionId(path.rsplit("/", 1)[1])
