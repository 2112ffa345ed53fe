"""Options that most verbs have."""

from typing import Annotated

import typer

ApiUrl = Annotated[
    str | None, typer.Option("--api-url", metavar="URL", help="The server; it goes before all others that are named.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines on stdout.")]
