"""`control-plane use`: which of this machine's stacks, and which project, the other verbs mean."""

from pathlib import Path
from typing import Annotated

import typer

from control_plane.access.choices import Choice, choose, chosen
from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.access.local_stacks import LocalStack, running_stacks, stack_on
from control_plane.cli.output import note, print_json, print_table
from control_plane.cli.references import parse_project
from control_plane.cli.verbs.options import Json


def use(
    stack: Annotated[
        str | None,
        typer.Argument(metavar="[URL|PORT|DIR]", help="A stack that runs: its address, port or data folder."),
    ] = None,
    *,
    project: Annotated[str | None, typer.Option(help="What `list` and `failures` show where none is named.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Choose neither a stack nor a project any longer.")] = False,
    as_json: Json = False,
) -> None:
    """Remember a stack of this machine for all verbs, or a project; without either, list the stacks that run.

    CONTROL_PLANE_API_URL and --api-url go before what is remembered; it goes before what login has saved.
    """
    if forget and (stack is not None or project is not None):
        raise WrongUsage("--forget takes neither a stack nor a project; leave the others away")
    choice = Choice() if forget else chosen()
    if stack is not None:
        choice = Choice(data_dir=str(_meant(stack).folder), project=choice.project)
    if project is not None:
        choice = Choice(data_dir=choice.data_dir, project=parse_project(project))
    if forget or stack is not None or project is not None:
        choose(choice)
    _show(choice, as_json=as_json)


def _meant(text: str) -> LocalStack:
    stacks = running_stacks()
    for stack in stacks:
        url = stack.access.api_url
        if text.rstrip("/") in (url, url.removeprefix("http://"), url.rpartition(":")[2]):
            return stack
    named = stack_on(Path(text))
    if named is not None:
        return named
    known = ", ".join(f"{stack.access.api_url} ({stack.folder})" for stack in stacks) or "none at all"
    raise CannotBeDone(
        f"no stack of this machine is {text!r}; there run: {known}. A server elsewhere: control-plane login URL"
    )


def _show(choice: Choice, *, as_json: bool) -> None:
    stacks = running_stacks()
    if as_json:
        running = [
            {"api_url": stack.access.api_url, "data_dir": str(stack.folder), "pid": stack.access.pid}
            for stack in stacks
        ]
        print_json({"data_dir": choice.data_dir, "project": choice.project, "running": running})
        return
    used = None if choice.data_dir is None else stack_on(Path(choice.data_dir))
    rows = [(stack.access.api_url, stack.folder, stack.access.pid, "used" * (stack == used)) for stack in stacks]
    print_table(("STACK", "DATA", "PROCESS", ""), rows)
    if not stacks:
        note("No stack runs on this machine; start one with: control-plane dev")
    if choice.project is not None:
        note(f"Project: {choice.project}")
