"""Runs a verb's work, which Ctrl-C ends."""

import asyncio
import os
from collections.abc import Coroutine
from typing import TypeVar

import typer

from control_plane.cli.exits import ExitCode
from control_plane.cli.signals import StopRequested, StopSignals

T = TypeVar("T")


def run(work: Coroutine[None, None, ExitCode | None]) -> None:
    """Raises typer.Exit with what the work returns, None being OK."""
    exit_code = result_of(work)
    if exit_code:
        raise typer.Exit(exit_code)


def result_of(work: Coroutine[None, None, T]) -> T:
    """What is to be known before something can be asked on the terminal. Raises typer.Exit if it is interrupted."""
    try:
        return asyncio.run(_interruptible(work))
    except StopRequested as error:
        raise typer.Exit(ExitCode.INTERRUPTED) from error


async def _interruptible(work: Coroutine[None, None, T]) -> T:
    with StopSignals(ends_writing=True) as signals:
        leaving = asyncio.create_task(_leave_at_once(signals.hurry))
        try:
            return await signals.interrupting(work)
        finally:
            leaving.cancel()


async def _leave_at_once(hurry: asyncio.Event) -> None:
    """Whatever the work still waits for, a disk that does not answer for one."""
    await hurry.wait()
    os._exit(ExitCode.INTERRUPTED)
