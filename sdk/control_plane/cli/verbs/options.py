"""Options that most verbs have."""

from typing import Annotated

import typer

ApiUrl = Annotated[
    str | None, typer.Option("--api-url", metavar="URL", help="The server; it goes before all others that are named.")
]
Invocation = Annotated[
    str,
    typer.Argument(
        metavar="INVOCATION",
        help="PROJECT/FUNCTION/ID, an id, its first 6 digits or more, or - for the last that this terminal made.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines on stdout.")]
