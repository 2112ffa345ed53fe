"""The verbs of the `control-plane` command."""

from importlib import import_module

import typer
from typer.core import TyperGroup
from typer.main import get_command

# In the order of `--help`. A verb's module is imported when the verb is used: a server's take a second.
VERBS = {
    "dev": "control_plane_server.cli.dev:dev",
    "deploy": "control_plane.cli.verbs.deploy:deploy",
    "invoke": "control_plane.cli.verbs.invoke:invoke",
    "logs": "control_plane.cli.verbs.logs:logs",
    "cancel": "control_plane.cli.verbs.cancel:cancel",
    "list": "control_plane.cli.verbs.list:list_",
    "describe": "control_plane.cli.verbs.describe:describe",
    "versions": "control_plane.cli.verbs.versions:versions",
    "rollback": "control_plane.cli.verbs.versions:rollback",
    "undeploy": "control_plane.cli.verbs.undeploy:undeploy",
    "login": "control_plane.cli.verbs.login:login",
    "logout": "control_plane.cli.verbs.login:logout",
    "doctor": "control_plane_server.cli.doctor.command:doctor",
    "demo": "control_plane_server.cli.demo.command:demo",
    "migrate": "control_plane_server.cli.migrate:migrate",
    "adopt-namespace": "control_plane_server.cli.adopt_namespace:adopt_namespace",
    "allow-terminations": "control_plane_server.cli.allow_terminations:allow_terminations",
    "replay": "control_plane_server.cli.replay:replay",
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
