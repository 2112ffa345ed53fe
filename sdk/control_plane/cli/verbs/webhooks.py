"""`control-plane webhooks`: who is told that a project's invocations have ended."""

from shlex import quote
from typing import Annotated

import typer

from control_plane.cli.lookup import explained
from control_plane.cli.named_parts import connected_to
from control_plane.cli.output import local_time, note, print_json, print_line, print_table
from control_plane.cli.references import Reference, parse_whole_project
from control_plane.cli.running import run
from control_plane.cli.session import connect
from control_plane.cli.tables import Column
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.protocol import webhooks as protocol

_WEBHOOKS = (
    Column(name="WEBHOOK", narrowest=12),
    Column(name="STATUS"),
    Column(name="FAILING SINCE", rank=1),
    Column(name="EVENTS", rank=2, narrowest=10),
    Column(name="URL", narrowest=20),
)
_DELIVERIES = (
    Column(name="DELIVERY"),
    Column(name="EVENT", rank=2),
    Column(name="INVOCATION", rank=3),
    Column(name="STATUS"),
    Column(name="ATTEMPTS", rank=1),
    Column(name="CREATED", rank=4),
    Column(name="LAST ERROR", narrowest=10),
)
_ONLY_NOW = "It is not shown again; a lost one is replaced by rotate-secret."

webhooks = typer.Typer(
    name="webhooks",
    help="Have the ends of invocations told to a URL, and see what became of it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
Project = Annotated[str, typer.Argument(metavar="PROJECT")]
Name = Annotated[str, typer.Argument(metavar="NAME")]
NameOrInvocations = Annotated[
    str, typer.Argument(metavar="NAME", help="Or invocations, for the webhooks that single calls bring along.")
]


@webhooks.command("set")
def set_(
    project: Project,
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENT", help="succeeded, failed, cancelled or timed_out; may be given again. All."),
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Have the ends of a project's invocations told to a URL, or change where and which. The secret that signs for a
    new one is printed, once."""
    events = [one if "." in one else f"invocation.{one}" for one in event] if event else None
    run(_set(_project(project, "set"), name, url, events, api_url=api_url, as_json=as_json))


@webhooks.command("list")
def list_(project: Project, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List a project's webhooks, newest first."""
    run(_list(_project(project, "list"), api_url=api_url, as_json=as_json))


@webhooks.command("delete")
def delete(project: Project, name: Name, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Tell it nothing any more. What was pending is given up."""
    run(_delete(_project(project, "delete"), name, api_url=api_url, as_json=as_json))


@webhooks.command("rotate-secret")
def rotate_secret(project: Project, name: NameOrInvocations, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Draw and print the secret that signs from now on; for a day the one before signs beside it."""
    run(_rotate(_project(project, "rotate-secret"), name, api_url=api_url, as_json=as_json))


@webhooks.command("deliveries")
def deliveries(
    project: Project,
    name: NameOrInvocations,
    *,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="pending, delivered or given_up alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List what was sent, or is to be, newest first."""
    wanted = None if status is None else status.upper().replace("-", "_")
    run(_deliveries(_project(project, "deliveries"), name, wanted, limit=limit, api_url=api_url, as_json=as_json))


@webhooks.command("redeliver")
def redeliver(
    project: Project,
    name: NameOrInvocations,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY")],
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Send a delivery now, whatever became of it, under the same id."""
    run(_redeliver(_project(project, "redeliver"), name, delivery, api_url=api_url, as_json=as_json))


async def _set(
    project: str, name: str, url: str, events: list[str] | None, *, api_url: str | None, as_json: bool
) -> None:
    async with connected_to("webhook", name, project=project, api_url=api_url) as connection:
        found = await connection.run(protocol.put(connection.api, project, name, url, events))
    if as_json:
        print_json(found.document)
    elif found.secret is None:
        note(f"{name} of {project} tells {found.url}.")
    else:
        print_line(found.secret)
        note(f"{name} of {project} tells {found.url}; verify what it gets by this secret. {_ONLY_NOW}")


async def _list(project: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection, explained(connection, Reference(project=project)):
        found = await connection.run(protocol.all_of(connection.api, project))
    if as_json:
        print_json({"project_name": project, "webhooks": [one.document for one in found]})
        return
    if not found:
        note(f"{project} has no webhooks; set one with: control-plane webhooks set {quote(project)} NAME URL")
    print_table(
        _WEBHOOKS,
        (
            (
                one.webhook_name,
                one.status,
                "" if one.failing_since is None else local_time(one.failing_since),
                ", ".join(event.partition(".")[2] for event in one.events),
                one.url,
            )
            for one in found
        ),
    )


async def _delete(project: str, name: str, *, api_url: str | None, as_json: bool) -> None:
    async with connected_to("webhook", name, project=project, api_url=api_url) as connection:
        found = await connection.run(protocol.delete(connection.api, project, name))
    if as_json:
        print_json(found.document)
    else:
        note(f"{name} of {project} is deleted.")


async def _rotate(project: str, name: str, *, api_url: str | None, as_json: bool) -> None:
    async with connected_to("webhook", name, project=project, api_url=api_url) as connection:
        found = await connection.run(protocol.rotate_secret(connection.api, project, name))
    if as_json:
        print_json(found.document)
    else:
        print_line(found.secret)
        note(f"For a day the one before, if there was one, signs beside it. {_ONLY_NOW}")


async def _deliveries(
    project: str, name: str, status: str | None, *, limit: int, api_url: str | None, as_json: bool
) -> None:
    async with connected_to("webhook", name, project=project, api_url=api_url) as connection:
        found = await connection.run(protocol.deliveries(connection.api, project, name, status=status, at_most=limit))
    if as_json:
        print_json({"deliveries": [one.document for one in found]})
        return
    print_table(
        _DELIVERIES,
        (
            (
                one.delivery_id,
                one.event.partition(".")[2],
                one.invocation_id,
                one.status,
                str(one.attempts),
                local_time(one.creation_time),
                one.last_error or "",
            )
            for one in found
        ),
    )


async def _redeliver(project: str, name: str, delivery: str, *, api_url: str | None, as_json: bool) -> None:
    async with connected_to("webhook", name, project=project, api_url=api_url) as connection:
        found = await connection.run(protocol.redeliver(connection.api, project, name, delivery))
    if as_json:
        print_json(found.document)
    else:
        note(f"{delivery} is sent; see: control-plane webhooks deliveries {quote(project)} {name}")


def _project(word: str, verb: str) -> str:
    """Raises WrongUsage."""
    return parse_whole_project(word, verb=f"webhooks {verb}")
