"""Runs a verb's work: Ctrl-C and errors become a line on stderr and an exit code."""

import asyncio
from collections.abc import Coroutine

import typer

from cli.exits import CommandFailed, ExitCode
from cli.output import fail
from cli.signals import StopRequested, StopSignals


def run(work: Coroutine[None, None, ExitCode | None]) -> None:
    """Raises typer.Exit with what the work returns, None being OK."""
    try:
        exit_code = asyncio.run(_interruptible(work))
    except CommandFailed as error:
        fail(str(error))
        raise typer.Exit(error.exit_code) from error
    except StopRequested as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error
    if exit_code:
        raise typer.Exit(exit_code)


async def _interruptible(work: Coroutine[None, None, ExitCode | None]) -> ExitCode | None:
    with StopSignals() as signals:
        return await signals.interrupting(work)
