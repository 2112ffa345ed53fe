"""The verbs of the `control-plane` command."""

from importlib import import_module

import typer
from typer.core import TyperGroup
from typer.main import get_command

# In the order of `--help`. A verb's module is imported when the verb is used: a server's take a second.
VERBS = {
    "dev": "cli.dev:dev",
    "deploy": "cli.verbs.deploy:deploy",
    "invoke": "cli.verbs.invoke:invoke",
    "logs": "cli.verbs.logs:logs",
    "cancel": "cli.verbs.cancel:cancel",
    "list": "cli.verbs.list:list_",
    "describe": "cli.verbs.describe:describe",
    "versions": "cli.verbs.versions:versions",
    "rollback": "cli.verbs.versions:rollback",
    "undeploy": "cli.verbs.undeploy:undeploy",
    "login": "cli.verbs.login:login",
    "logout": "cli.verbs.login:logout",
    "doctor": "cli.verbs.doctor:doctor",
    "demo": "cli.demo.command:demo",
    "migrate": "cli.migrate:migrate",
    "adopt-namespace": "cli.adopt_namespace:adopt_namespace",
    "allow-terminations": "cli.allow_terminations:allow_terminations",
    "replay": "cli.replay:replay",
}


class Verbs(TyperGroup):
    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(VERBS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> object:  # type: ignore[override]
        if cmd_name not in VERBS:
            return None
        module, _, function = VERBS[cmd_name].partition(":")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(getattr(import_module(module), function))
        return get_command(single)


app = typer.Typer(
    cls=Verbs,
    name="control-plane",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def control_plane() -> None:
    """Functions as containers: deploy them, call them, and run the control plane that they run on.

    Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 timed out, 4 cancelled,
    5 done, but what it printed could not be written, 130 interrupted.
    """
