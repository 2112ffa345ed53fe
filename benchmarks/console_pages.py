"""How long the console's pages take where a project has very many invocations that have ended."""

import statistics
import time
from collections.abc import Mapping

import aiohttp
import psutil

from benchmarks.console_sessions import logged_in
from benchmarks.cpu import milliseconds_of
from benchmarks.http import Json
from benchmarks.stack import Stack

_ROUNDS = 9
_PROJECT = "bench"


async def console_pages(stack: Stack, *, function: str) -> list[tuple[object, ...]]:
    """For each page, the median and the most until its last byte has come, in ms: what the server takes, and the way
    over loopback; and the processor time of `api` and PostgreSQL for it, in ms. Each has been asked for once before."""
    processes = {name: stack.processes[name] for name in ("api", "postgres")}
    listed: Json = await stack.http.get(f"/projects/{_PROJECT}/invocations?max_results=1")
    project = f"/ui/projects/{_PROJECT}"
    async with logged_in(stack.api_url, stack.api_key) as session:
        return [
            (what, *await _times(session, path, processes))
            for what, path in (
                ("all projects", "/ui"),
                ("the project", project),
                ("its versions", f"{project}/versions"),
                ("its invocations", f"{project}/invocations"),
                ("… those that failed", f"{project}/invocations?outcome=FAILED"),
                ("… by two tags", f"{project}/invocations?tag=run:25000&tag=env:live"),
                ("a function", f"{project}/functions/{function}"),
                ("… what its charts draw", f"{project}/functions/{function}/series"),
                ("an invocation", f"/ui/invocations/{listed['invocations'][0]['invocation_id']}"),
            )
        ]


async def _times(
    session: aiohttp.ClientSession, path: str, processes: Mapping[str, psutil.Process]
) -> tuple[str, str, str]:
    times: list[float] = []
    used_before = 0.0
    for _ in range(1 + _ROUNDS):
        if len(times) == 1:
            used_before = sum(milliseconds_of(processes).values())
        start = time.perf_counter()
        async with session.get(path, allow_redirects=False) as answer:
            await answer.read()
        times.append(1_000 * (time.perf_counter() - start))
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} for {path}")
    used = (sum(milliseconds_of(processes).values()) - used_before) / _ROUNDS
    return f"{statistics.median(times[1:]):.0f}", f"{max(times[1:]):.0f}", f"{used:.0f}"
