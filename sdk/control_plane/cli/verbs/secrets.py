"""`control-plane secrets`: what functions must know and nobody may read."""

import time
from collections.abc import Sequence
from shlex import quote
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.default_project import default_project
from control_plane.cli.durations import age
from control_plane.cli.exits import ExitCode
from control_plane.cli.lookup import NOT_FOUND, explained
from control_plane.cli.output import local_time, note, print_json, print_table
from control_plane.cli.references import Reference, parse_whole_project
from control_plane.cli.running import result_of, run
from control_plane.cli.session import connect
from control_plane.cli.tables import Column
from control_plane.cli.verbs.options import ApiUrl, Json
from control_plane.cli.verbs.secret_values import ask_for_value, without_file
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.paths import LATEST

_COLUMNS = (
    Column(name="SECRET", narrowest=16),
    Column(name="SET", rank=1),
    Column(name="AGE", rank=2),
    Column(name="CREATED", rank=3),
)

secrets = typer.Typer(
    name="secrets",
    help="Set and list what functions must know and nobody may read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


@secrets.command("set")
def set_(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[PROJECT] NAME [@FILE]",
            help="PROJECT: as of list, where it is left out. @FILE: holds the value, as UTF-8.",
        ),
    ],
    *,
    create_project: Annotated[bool, typer.Option("--create-project", help="Make the project if need be.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Set a secret of a project; containers that start from now on get it. Nobody can read it again.

    The value is asked for on a terminal, else read from stdin, or from @FILE, without the line's end at its end. It is
    never an argument, which others on this machine could see.
    """
    names, file = without_file(words)
    if len(names) > 2:
        raise WrongUsage("the value is no argument, which others could see; send it to stdin, or name a file as @FILE")
    project = _named(names[:-1], verb="set", api_url=api_url)
    value = ask_for_value(f"{names[-1]} of {project}", file)
    run(_set(project, names[-1], value, create_project=create_project, api_url=api_url, as_json=as_json))


@secrets.command("list")
def list_(
    project: Annotated[str | None, typer.Argument(metavar="[PROJECT]")] = None,
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List a project's secrets, newest first: their names and when they were set, never their values."""
    named = _named([] if project is None else [project], verb="list", api_url=api_url)
    run(_list(named, api_url=api_url, as_json=as_json))


@secrets.command("unset")
def unset(
    words: Annotated[list[str], typer.Argument(metavar="[PROJECT] NAME")],
    *,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Delete a secret, also one that functions name: their containers fail from now on, until it is set again."""
    if len(words) > 2:
        raise WrongUsage("name one secret: control-plane secrets unset PROJECT NAME")
    project = _named(words[:-1], verb="unset", api_url=api_url)
    run(_unset(project, words[-1], api_url=api_url, as_json=as_json))


@secrets.command("rotate")
def rotate(*, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Encrypt the secrets of all projects with the first of CONTROL_PLANE_SECRETS_KEYS, while everything goes on; then
    the other keys may go. May be repeated.
    """
    run(_rotate(api_url=api_url, as_json=as_json))


async def _set(
    project: str, name: str, value: str, *, create_project: bool, api_url: str | None, as_json: bool
) -> None:
    async with connect(api_url) as connection:
        try:
            secret = await connection.run(
                connection.api.set_secret(project, name, value, create_project=create_project)
            )
        except Refused as error:
            if error.code != "ProjectDoesNotExist":
                raise
            raise CannotBeDone(
                f"there is no project {project!r}; --create-project makes it, and so does control-plane deploy"
            ) from error
    if as_json:
        print_json(secret.document)
        return
    note(f"{name} of {project} is set; containers that start from now on get it.")


async def _list(project: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection, explained(connection, Reference(project=project)):
        found = await connection.run(connection.api.secrets(project))
    if as_json:
        print_json({"project_name": project, "secrets": [secret.document for secret in found]})
        return
    if not found:
        note(f"{project} has no secrets; set one with: control-plane secrets set {quote(project)} NAME")
    now = time.time()
    rows = (
        (
            secret.secret_name,
            local_time(secret.last_update_time),
            age(now - secret.last_update_time),
            local_time(secret.creation_time),
        )
        for secret in found
    )
    print_table(_COLUMNS, rows)


async def _unset(project: str, name: str, *, api_url: str | None, as_json: bool) -> None:
    async with connect(api_url) as connection, explained(connection, Reference(project=project)):
        try:
            secret = await connection.run(connection.api.unset_secret(project, name))
        except Refused as error:
            if error.code != "SecretDoesNotExist":
                raise
            raise CannotBeDone(
                f"project {project!r} has no secret {name!r}; "
                f"list them with: control-plane secrets list {quote(project)}"
            ) from error
        named_by = await _functions_with(connection, project, name)
    if as_json:
        print_json(secret.document)
    else:
        note(f"{name} of {project} is unset.")
    if named_by:
        note(f"The latest version names it in {', '.join(named_by)}: that fails until it is set again.")


async def _functions_with(connection: AsyncConnection, project: str, name: str) -> list[str]:
    try:
        version = await connection.run(connection.api.version(project, LATEST))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return []
    return [one.function_name for one in version.functions if name in one.document.get("secrets", {}).values()]


async def _rotate(*, api_url: str | None, as_json: bool) -> ExitCode:
    rotated = 0
    async with connect(api_url) as connection:
        while True:
            answer = await connection.run(connection.api.rotate_secrets())
            rotated += answer.rotated
            if 0 in (answer.remaining, answer.rotated):
                break
    unreadable = answer.unreadable + answer.remaining
    if as_json:
        print_json({"rotated": rotated, "unreadable": unreadable})
    else:
        note(f"{rotated:,} values were encrypted anew; all that can be read have the first key.")
    if unreadable:
        note(
            f"{unreadable:,} cannot be read: add the key that they were set with to CONTROL_PLANE_SECRETS_KEYS, "
            "or set them again."
        )
    return ExitCode.FAILED if unreadable else ExitCode.OK


def _named(words: Sequence[str], *, verb: str, api_url: str | None) -> str:
    """The project that is named, or the default one. Raises WrongUsage."""
    if words:
        return parse_whole_project(words[0], verb=f"secrets {verb}")
    found = result_of(_default(api_url))
    if found is None:
        name = "" if verb == "list" else " NAME"
        raise WrongUsage(f"name the project: control-plane secrets {verb} PROJECT{name}")
    return found.project


async def _default(api_url: str | None) -> Reference | None:
    async with connect(api_url) as connection:
        return await default_project(connection)
