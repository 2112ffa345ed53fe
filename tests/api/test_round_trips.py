"""How many statements the hot path costs: each is a round trip to Postgres."""

from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import ExecutionRow
from control_plane_server.domain.execution_tokens import execution_token, launch_token
from tests.api.builders import ROOT_KEYS, Json, add_execution, bearer, deploy, execution_id_of, invoke
from tests.statements import Statement, noted_statements


@pytest.fixture
def statements() -> Iterator[list[Statement]]:
    """Every statement from now on."""
    with noted_statements() as seen:
        yield seen


@pytest.mark.parametrize("sender", ["root", "execution", "launch"])
async def test_a_report_is_one_statement_whoever_sends_it(
    client: httpx2.AsyncClient, database: Database, statements: list[Statement], sender: str
) -> None:
    execution = await add_execution(database, await invoke(client, (await deploy(client)).invocations()))
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(launches=1))
    execution_id = execution_id_of(execution)
    key = {
        "root": ROOT_KEYS[0],
        "execution": execution_token(ROOT_KEYS[0], execution_id),
        "launch": launch_token(ROOT_KEYS[0], execution_id, 1),
    }[sender]
    reports: list[tuple[str, Json | None]] = [
        ("start", None),
        ("update", {"latest_output": "1"}),
        ("finish", {"outcome": "SUCCEEDED"}),
    ]
    for verb, body in reports:
        statements.clear()
        answer = await client.put(f"{execution}/{verb}", json=body, headers=bearer(key))
        assert answer.status_code == 200
        assert len(statements) == 1, statements


async def test_a_submit_is_one_statement(client: httpx2.AsyncClient, statements: list[Statement]) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    for parent_invocation in (None, {"function_name": "f", "invocation_id": parent.rsplit("/", 1)[1]}):
        statements.clear()
        await invoke(client, deployed.invocations(), parent_invocation=parent_invocation)
        assert len(statements) == 1, statements


async def test_reads_are_two_statements_at_most(
    client: httpx2.AsyncClient, database: Database, statements: list[Statement]
) -> None:
    deployed = await deploy(client)
    invocation = await invoke(client, deployed.invocations())
    execution = await add_execution(database, invocation)
    by_id = f"/invocations/{invocation.rsplit('/', 1)[1]}"
    for path, most in ((execution, 1), (invocation, 1), (by_id, 1), (deployed.invocations(), 2), (deployed.version, 2)):
        statements.clear()
        assert (await client.get(path)).status_code == 200
        assert len(statements) == most, path
