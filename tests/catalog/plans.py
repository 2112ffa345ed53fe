"""How many rows PostgreSQL reads for a statement."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from control_plane_server.catalog.database import Database
from tests.statements import Statement

ENDED = 20_000
PAGE = 100
# A page, its one more, and the rows around them that an index brings along.
MOST_ROWS = 4 * PAGE
_IS_FRESH = "length(invocation_id) = 36"  # not as those that have ended are called

Plan = dict[str, Any]


async def check_plans(database: Database, statements: Sequence[Statement], *, most_rows: int) -> None:
    """Each as it was asked, once more, and taken back."""
    assert statements
    for statement, parameters in tuple(statements):
        plan = await _plan(database, statement, parameters)
        looked_at = sum(map(_rows, _nodes(plan)))
        assert looked_at <= most_rows, f"{looked_at} rows: {statement}\n{json.dumps(plan, indent=1)}"


async def _plan(database: Database, statement: str, parameters: Sequence[object]) -> Plan:
    async with database.transaction() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        transaction = driver.transaction()
        await transaction.start()
        try:
            for table in re.findall(r"INSERT INTO (\w+)", statement):
                await driver.execute(f"DELETE FROM {table} WHERE {_IS_FRESH}")  # it is there already
            explained = await driver.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
        finally:
            await transaction.rollback()
    plan: Plan = explained[0]["Plan"]
    return plan


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: Plan) -> float:
    """That a node has read from a table, those included that it did not pass on."""
    if "Relation Name" not in node or node["Node Type"] == "ModifyTable":
        return 0.0
    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(read * node["Actual Loops"])
