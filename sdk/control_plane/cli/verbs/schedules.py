"""`control-plane schedules`: functions that are called by the clock."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from control_plane.access.errors import WrongUsage
from control_plane.cli.lookup import explained
from control_plane.cli.moments import HELP
from control_plane.cli.named_parts import connected_to
from control_plane.cli.output import local_time, note, print_fields, print_json, print_line, print_table
from control_plane.cli.references import Reference
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.tables import Column
from control_plane.cli.verbs.filters import seconds
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.protocol import schedules as api
from control_plane.protocol.schedules import Schedule
from control_plane.protocol.steps import Plan

_COLUMNS = (
    Column(name="SCHEDULE", narrowest=12),
    Column(name="FUNCTION", rank=2, narrowest=10),
    Column(name="WHEN", rank=1, narrowest=12),
    Column(name="STATE", rank=3),
    Column(name="SET", rank=4),
)

Project = Annotated[str, typer.Argument(metavar="PROJECT")]
Name = Annotated[str, typer.Argument(metavar="NAME")]

schedules = typer.Typer(
    name="schedules",
    help="Have functions called by the clock.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@schedules.command("list")
def list_(project: Project, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List a project's schedules, newest first."""
    run(_list(project, api_url=api_url, as_json=as_json))


@schedules.command("show")
def show(project: Project, name: Name, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Show a schedule with its next times."""
    run(_show(project, name, api_url=api_url, as_json=as_json))


@schedules.command("set")
def set_(
    project: Project,
    name: Name,
    function: Annotated[str, typer.Argument(metavar="FUNCTION")],
    *,
    cron: Annotated[
        str | None,
        typer.Option(metavar="CRON", help='Minute, hour, day, month, day of the week, as in "0 7 * * 1-5".'),
    ] = None,
    every: Annotated[int | None, typer.Option(metavar="SECONDS", help="In place of --cron.")] = None,
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Whose clock --cron is by.")] = "UTC",
    input_: Annotated[str, typer.Option("--input", metavar="JSON", help="Of each call.")] = "",
    overlap: Annotated[
        str,
        typer.Option(
            metavar="skip|buffer_one|cancel_other|allow_all",
            help="What happens if an invocation of the schedule still runs.",
        ),
    ] = "skip",
    jitter: Annotated[int, typer.Option(metavar="SECONDS", help="Up to how much later each call is made.")] = 0,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Set a schedule that calls a function of the latest version, whichever that is. Deploys leave it as it is."""
    if (cron is None) == (every is None):
        raise WrongUsage('say when: --cron "0 7 * * 1-5", or --every 3600')
    fields: dict[str, Any] = {
        "timezone": timezone,
        "input": input_,
        "overlap": overlap,
        "jitter_seconds": jitter,
        **({"every_seconds": every} if cron is None else {"cron": cron}),
    }
    run(_set(project, name, function, fields, api_url=api_url, as_json=as_json))


@schedules.command("delete")
def delete(project: Project, name: Name, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Delete a schedule that was set. What it has called goes on."""
    run(_change(project, name, "delete", api_url=api_url, as_json=as_json))


@schedules.command("pause")
def pause(
    project: Project,
    name: Name,
    *,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for others to see.")] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Have a schedule call nothing until it is resumed, whatever is deployed."""
    run(_change(project, name, "pause", reason, api_url=api_url, as_json=as_json))


@schedules.command("resume")
def resume(project: Project, name: Name, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Have a schedule call again. What came to be due meanwhile is left to backfill."""
    run(_change(project, name, "resume", api_url=api_url, as_json=as_json))


@schedules.command("trigger")
def trigger(project: Project, name: Name, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Make a schedule's call now, and print the id of the invocation."""
    run(_trigger(project, name, api_url=api_url, as_json=as_json))


@schedules.command("backfill")
def backfill(
    project: Project,
    name: Name,
    *,
    since: Annotated[str, typer.Option(metavar="WHEN", help=f"From then on: {HELP}.")],
    until: Annotated[str, typer.Option(metavar="WHEN", help="Until then.")] = "0s",
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Make the calls of times that have passed, at most 200, and print the ids of the invocations. Times that have one
    get no other one.
    """
    start, end = seconds(since), seconds(until)
    assert start is not None
    assert end is not None
    run(_backfill(project, name, start, end, api_url=api_url, as_json=as_json))


async def _list(project: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection, explained(connection, Reference(project=project)):
        found = await connection.run(api.all_of(connection.api, project))
    if as_json:
        print_json({"project_name": project, "schedules": [schedule.document for schedule in found]})
        return
    if not found:
        note(f"{project} has no schedules; declare one beside a function, or: control-plane schedules set --help")
    rows = (
        (
            schedule.schedule_name,
            schedule.function_name,
            _when(schedule),
            "paused" if schedule.is_paused else "active",
            "in code" if schedule.is_declared else "by hand",
        )
        for schedule in found
    )
    print_table(_COLUMNS, rows)


async def _show(project: str, name: str, *, api_url: str | None, as_json: bool) -> None:
    async with connected_to("schedule", name, project=project, api_url=api_url) as connection:
        found = await connection.run(api.get(connection.api, project, name))
    if as_json:
        print_json(found.document)
    else:
        print_fields(_fields(found))


async def _set(
    project: str, name: str, function: str, fields: dict[str, Any], *, api_url: str | None, as_json: bool
) -> None:
    async with connect(api_url) as connection, explained(connection, Reference(project=project, function=function)):
        found = await connection.run(api.put(connection.api, project, name, function, fields))
    _report(found, "is set", as_json=as_json)


async def _change(
    project: str, name: str, verb: str, *arguments: str | None, api_url: str | None, as_json: bool
) -> None:
    plans = {"delete": (api.delete, "is deleted"), "pause": (api.pause, "is paused"), "resume": (api.resume, "goes on")}
    plan, said = plans[verb]
    async with connected_to("schedule", name, project=project, api_url=api_url) as connection:
        changed: Plan[Schedule] = plan(connection.api, project, name, *arguments)
        found = await connection.run(changed)
    _report(found, said, as_json=as_json)


async def _trigger(project: str, name: str, *, api_url: str | None, as_json: bool) -> None:
    async with connected_to("schedule", name, project=project, api_url=api_url) as connection:
        made = await connection.run(api.trigger(connection.api, project, name))
    if as_json:
        print_json(made.document)
    else:
        print_line(made.invocation_id)


async def _backfill(project: str, name: str, start: int, end: int, *, api_url: str | None, as_json: bool) -> None:
    async with connected_to("schedule", name, project=project, api_url=api_url) as connection:
        filled = await connection.run(api.backfill(connection.api, project, name, start, end))
    if as_json:
        print_json(filled.document)
        return
    for invocation_id in filled.invocation_ids:
        print_line(invocation_id)
    note(f"{len(filled.invocation_ids):,} of {filled.times:,} times were without an invocation, and have one now.")


def _report(schedule: Schedule, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(schedule.document)
        return
    note(f"{schedule.schedule_name} {said}: it calls {schedule.function_name} {_when(schedule)}.")
    if said != "is paused" and schedule.pause_reason is not None:
        note(f"It calls nothing now: {schedule.pause_reason}.")


def _when(schedule: Schedule) -> str:
    if schedule.cron is not None:
        return f"{schedule.cron} {schedule.timezone}"
    return f"every {schedule.every_seconds} s"


def _fields(schedule: Schedule) -> Iterable[tuple[str, object]]:
    yield "Schedule", schedule.schedule_name
    yield "Function", schedule.function_name
    yield "When", _when(schedule)
    if schedule.jitter_seconds:
        yield "Jitter", f"up to {schedule.jitter_seconds} s"
    yield "Overlap", schedule.overlap
    yield "Set", "in code" if schedule.is_declared else "by hand"
    if schedule.input:
        yield "Input", schedule.input
    yield "State", "active" if schedule.pause_reason is None else f"paused: {schedule.pause_reason}"
    if schedule.last_skipped_time is not None:
        yield "Last skipped", f"{local_time(schedule.last_skipped_time)}: {schedule.last_skip_reason}"
    if schedule.next_times is None:
        yield "Next", "not known: Temporal does not say"
    for number, time in enumerate(schedule.next_times or ()):
        yield "" if number else "Next", local_time(time)
