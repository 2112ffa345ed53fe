"""`python -m benchmarks.search`: how soon 500 that failed are found among a million invocations, and replayed; and how
soon the console shows a project that has them.

Each statement is planned and run once more as it was asked: how many rows PostgreSQL reads, and by which index.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from control_plane.cli.output import note, print_table
from sqlalchemy import URL, Engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.console_pages import console_pages
from benchmarks.http import Json
from benchmarks.project import Project
from benchmarks.stack import Stack, running_stack
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.project_invocations import ProjectInvocationRepository
from control_plane_server.domain.entities import InvocationOutcome

ENDED = 1_000_000
FAILED = 500
FUNCTIONS = tuple(f"zero{number}" for number in range(10))
PROJECT = "/projects/bench"
ROUNDS = 9
PAGE = 50

# One a second, the newest just now; those that failed within the last twelve hours, one in 81. Of the tags, one is on
# half of all, one on twenty; a customer has two hundred.
_FILL = (
    """
    INSERT INTO invocations (invocation_id, function_id, project_name, function_name, input, status, outcome,
        error_message, attempts, queued_ms, starting_ms, running_ms, creation_time, last_update_time, tags,
        concurrency_key, concurrency_limit)
    SELECT 'inv-' || md5(n::text), functions.function_id, project_name, functions.function_name, '1', 'TERMINATED',
        CASE WHEN is_failed THEN 'FAILED' ELSE 'SUCCEEDED' END, CASE WHEN is_failed THEN 'ValueError: no' END,
        1, 0, 0, 600, time, time,
        jsonb_build_object('env', CASE n % 2 WHEN 0 THEN 'test' ELSE 'live' END, 'run', (n / 20)::text),
        'customer-' || n % 5000, 1
    FROM generate_series(1, :count) AS n
        JOIN functions ON function_name = 'zero' || n % 10 JOIN versions USING (version_id),
        LATERAL (
            SELECT clock_timestamp() - n * interval '1 second' AS time, n % 81 = 0 AND n <= 40500 AS is_failed
        ) AS _
    """,
    """
    INSERT INTO executions (execution_id, invocation_id, function_id, attempt, worker_status, launches, outcome, output)
    SELECT 'exe-' || substr(invocation_id, 5), invocation_id, function_id, 1, 'TERMINATED', 1, outcome, '42'
    FROM invocations
    """,
    "VACUUM ANALYZE",
    "CHECKPOINT",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.search", description=__doc__)
    parser.add_argument("--count", type=int, default=ENDED, help="of invocations that have ended")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory(prefix="cp-bench-") as folder:
        asyncio.run(_measured(Path(folder), count))


async def _measured(folder: Path, count: int) -> None:
    async with running_stack(folder) as stack:
        await Project.deployed(stack, *FUNCTIONS)
        note(f"loading {count:,} ended invocations …")
        await _fill(stack.catalog, count)
        now = int(time.time())
        night: dict[str, Any] = {"outcome": ["FAILED"], "since": now - 12 * 3_600}
        rows = [
            await _search(stack, what, query)
            for what, query in (
                ("what failed in twelve hours", night),
                ("a tag on twenty", {"tag": ["run:25000"]}),
                ("two tags, one of them on half of all", {"tag": ["run:25000", "env:live"]}),
                ("a tag on half of all", {"tag": ["env:live"]}),
                ("a tag on half of all, and failed", {"tag": ["env:test"], "outcome": ["FAILED"]}),
                ("a tag that is not there", {"tag": ["run:no"]}),
                ("a concurrency key of two hundred", {"concurrency_key": "customer-7"}),
            )
        ]
        print_table(("SEARCH", "FOUND", "MS", "ROWS READ", "BY"), rows)
        print_table(("PAGE", "MS", "MS AT MOST", "PROCESSOR MS"), await console_pages(stack, function=FUNCTIONS[0]))
        print_table(("REPLAY OF", "TO THE ANSWER, S", "TO THE LAST RESULT, S"), [await _replay(stack, "500", night)])


async def _fill(catalog: URL, count: int) -> None:
    engine = create_async_engine(catalog, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in _FILL:
            await connection.execute(text(statement), {"count": count} if ":count" in statement else {})
    await engine.dispose()


async def _search(stack: Stack, what: str, query: dict[str, Any]) -> tuple[object, ...]:
    path = f"{PROJECT}/invocations?{urlencode({**query, 'max_results': PAGE}, doseq=True)}"
    times = []
    for _ in range(ROUNDS):
        start = time.monotonic()
        page = await stack.http.get(path)
        times.append(1_000 * (time.monotonic() - start))
    nodes = await _plan(stack.catalog, query)
    indexes = dict.fromkeys(str(node["Index Name"]) for node in nodes if "invocations_" in node.get("Index Name", ""))
    read = sum(map(_rows, nodes))
    return what, len(page["invocations"]), f"{statistics.median(times):.1f}", f"{read:,.0f}", ", ".join(indexes)


async def _replay(stack: Stack, what: str, query: dict[str, Any]) -> tuple[object, ...]:
    start = time.monotonic()
    batch = await stack.http.post(f"{PROJECT}/replays", query)
    accepted = time.monotonic() - start
    results: list[Json] = [one async for one in stack.http.lines(f"/batches/{batch['batch_id']}/results")]
    took = time.monotonic() - start
    if {one["outcome"] for one in results} != {"SUCCEEDED"} or len(results) != batch["size"]:
        raise RuntimeError(f"of {batch['size']} replays {len(results)} have ended")
    return f"{what} that failed, of {len(FUNCTIONS)} functions", f"{accepted:.2f}", f"{took:.2f}"


async def _plan(catalog: URL, query: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of the plan of the page's statement."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note_statement(
        _connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object
    ) -> None:
        asked.append((statement, parameters))

    matching = ProjectInvocationFilter(
        outcomes=tuple(map(InvocationOutcome, query.get("outcome", ()))),
        since=query.get("since"),
        tags=tuple(tuple(tag.split(":")) for tag in query.get("tag", ())),
        concurrency_key=query.get("concurrency_key"),
    )
    database = Database(catalog)
    event.listen(Engine, "before_cursor_execute", note_statement)
    try:
        async with database.transaction() as connection:
            await ProjectInvocationRepository(connection).read(
                "bench", matching=matching, offset=None, max_results=PAGE
            )
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            statement, parameters = asked[-1]
            explained = await driver.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    finally:
        event.remove(Engine, "before_cursor_execute", note_statement)
        await database.close()
    return list(_nodes(json.loads(explained)[0]["Plan"] if isinstance(explained, str) else explained[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _rows(node: dict[str, Any]) -> float:
    """That a node has read from a table, those included that it did not pass on."""
    if "Relation Name" not in node:
        return 0.0
    read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float(read * node["Actual Loops"])


if __name__ == "__main__":
    main()
