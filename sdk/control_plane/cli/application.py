"""The `control-plane` command, which imports a verb only when it is used."""

from functools import cache
from importlib import import_module
from importlib.metadata import version as version_of
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from control_plane.cli.verb_lists import Verb, all_verbs

_HELP = {"help_option_names": ["--help", "-h"]}

_verbs = cache(all_verbs)


class Verbs(TyperGroup):
    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(_verbs())

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """What is known of it without importing it: enough for lists."""
        verb = _verbs().get(cmd_name)
        if verb is None:
            return None
        return TyperCommand(cmd_name, help=verb.summary, rich_help_panel=verb.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """To be carried out, or completed."""
        verb = _verbs().get(args[0])
        if verb is None:
            self.commands = dict.fromkeys(_verbs(), self)  # to suggest what may be meant
            return super().resolve_command(ctx, args)
        return args[0], imported(args[0], verb), args[1:]


def imported(name: str, verb: Verb) -> Any:
    """The command itself."""
    module, _, function = verb.home.partition(":")
    home = getattr(import_module(module), function)
    if isinstance(home, typer.Typer):
        return get_command(home)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, context_settings=_HELP)(home)
    return get_command(single)


app = typer.Typer(
    cls=Verbs,
    name="control-plane",
    no_args_is_help=True,
    context_settings=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(is_asked_for: bool) -> None:
    if is_asked_for:
        typer.echo(f"control-plane {version_of('control-plane-client')}")
        raise typer.Exit


@app.callback()
def control_plane(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Functions as containers: deploy them, call them, and run the control plane that they run on.

    Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 timed out, 4 cancelled,
    5 done, but what it printed could not be written, 130 interrupted.
    """
