"""`control-plane check-history`: whether today's code would go on with a workflow that somebody recorded."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from control_plane.cli.exits import Finalization
from control_plane.cli.output import fail, print_json, print_text
from control_plane.cli.verbs.options import Json
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from control_plane_server.orchestration.payloads import data_converter
from workflows.registry import WORKFLOWS

_DIFFERENT = 1
_UNUSABLE = 2


def check_history(
    file: Annotated[Path, typer.Argument(help="JSON, as `temporal workflow show -w ID --output json` prints it.")],
    *,
    as_json: Json = False,
) -> None:
    """Replay a downloaded history against this version of the workflows.

    Exit status 0 if they ask for the same commands, 1 if they do not, 2 if the file is no history.
    """
    try:
        history = WorkflowHistory.from_json(file.stem, file.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, ValueError) as error:
        fail(f"{file} is no history: {error}; make one with: temporal workflow show -w ID --output json")
        raise typer.Exit(_UNUSABLE) from error
    if not history.events:
        fail(f"{file} holds no events; make one with: temporal workflow show -w ID --output json")
        raise typer.Exit(_UNUSABLE)
    try:
        asyncio.run(_replay(history))
    except NondeterminismError as error:
        fail(f"{file}: this version asks for other commands: {error}")
        raise typer.Exit(_DIFFERENT) from error
    if as_json:
        print_json({"file": str(file), "events": len(history.events)})
        return
    print_text(f"{file}: {len(history.events)} events, this version goes on with it")


async def _replay(history: WorkflowHistory) -> None:
    Finalization.is_unsafe = True  # temporalio/sdk-python, issue 300
    await Replayer(workflows=WORKFLOWS, data_converter=data_converter).replay_workflow(history)
