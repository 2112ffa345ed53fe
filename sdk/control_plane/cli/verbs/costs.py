"""`control-plane costs`: what a project's containers took, and what that costs."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.moments import HELP
from control_plane.cli.output import note, print_json, print_table
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.tables import Column
from control_plane.cli.verbs.filters import seconds
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.paths import Query, project_path

_SUMS = ("executions", "container_seconds", "vcpu_hours", "gb_hours", "gpu_hours", "unmeasured_launches", "cost")


def costs(
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    *,
    since: Annotated[str, typer.Option(metavar="WHEN", help=f"From then on: {HELP}.")] = "7d",
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="Until then.")] = None,
    by: Annotated[str, typer.Option(metavar="function|day", help="What there is a line for.")] = "function",
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Show how long a project's containers ran, with the vCPU-hours and GB-hours of that; and what it costs, where the
    control plane has prices.

    A container counts from its launch until it is gone. Days are of UTC. What was deleted, or forgotten by retention,
    is not in it.
    """
    if by not in ("function", "day"):
        raise WrongUsage(f"there is no --by {by}; there are function, day")
    query: Query = {"since": seconds(since), "until": seconds(until)}
    run(_costs(project, query, by="day" if by == "day" else "function_name", api_url=api_url, as_json=as_json))


async def _costs(project: str, query: Query, *, by: str, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection:
        currency, rows = await _read(connection, project, query)
    if as_json:
        print_json({"project_name": project, "currency": currency, "costs": rows})
        return
    _show(currency, rows, by=by)


def _show(currency: str | None, rows: Sequence[dict[str, Any]], *, by: str) -> None:
    sums = _summed(rows, by=by)
    total = _summed(rows, by=None)
    if not sums:
        note("no container ran in that time")
        return
    columns = [
        Column(name="DAY" if by == "day" else "FUNCTION", narrowest=10),
        Column(name="EXECUTIONS", rank=4),
        Column(name="CONTAINER HOURS", rank=3),
        Column(name="VCPU HOURS", rank=1),
        Column(name="GB HOURS", rank=2),
    ]
    if currency is not None:
        columns.append(Column(name=currency))
    lines = [*sums.items(), *(("all", found) for found in total.values() if len(sums) > 1)]
    print_table(tuple(columns), [_line(name, found, has_cost=currency is not None) for name, found in lines])
    unmeasured = total[""]["unmeasured_launches"]
    if unmeasured:
        note(f"without {unmeasured:g} containers that were taken away, of which it is not known how long they ran")


async def _read(connection: AsyncConnection, project: str, query: Query) -> tuple[str | None, list[dict[str, Any]]]:
    """All pages."""
    rows: list[dict[str, Any]] = []
    while True:
        page = await connection.run(connection.api.get(project_path(project) + "/costs", query))
        rows += page["costs"]
        if page["next_since"] is None:
            return page["currency"], rows
        query = {"since": page["next_since"], "until": page["until"]}


def _summed(rows: Sequence[dict[str, Any]], *, by: str | None) -> dict[str, dict[str, float]]:
    """By the values of a field, sorted; None: all under one."""
    sums: dict[str, dict[str, float]] = {}
    for row in sorted(rows, key=lambda row: str(row[by]) if by else ""):
        found = sums.setdefault(str(row[by]) if by else "", dict.fromkeys(_SUMS, 0.0))
        for name in _SUMS:
            found[name] += row[name] or 0
    return sums


def _line(name: str, found: dict[str, float], *, has_cost: bool) -> tuple[str, ...]:
    hours = f"{found['container_seconds'] / 3_600:,.2f}"
    line = (name, f"{found['executions']:,.0f}", hours, f"{found['vcpu_hours']:,.2f}", f"{found['gb_hours']:,.2f}")
    return (*line, f"{found['cost']:,.2f}") if has_cost else line
