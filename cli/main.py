"""The `control-plane` command."""

import typer

from cli.demo.command import demo
from cli.dev import dev
from cli.migrate import migrate
from cli.replay import replay

app = typer.Typer(
    name="control-plane",
    help="Functions as containers: run the control plane on this machine, and see it work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(dev)
app.command()(demo)
app.command()(migrate)
app.command()(replay)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
