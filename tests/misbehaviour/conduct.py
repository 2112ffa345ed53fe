"""Runs a program of the grammar in a container, whatever the platform, and compares what it ended in."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from control_plane_server.domain.containers import Container, ContainerExit, ContainerRequest
from control_plane_server.provisioners.contract import Provisioner
from tests.misbehaviour.grammar import Program
from tests.sdk.api_stub import StubState

# What is called in a container: the program, which is its input.
MAIN = """
def f(source):
    names = {}
    exec(source, names)
    return names["f"]()
"""
_NEW = timedelta()
_PATIENCE_SECONDS = 30
_LONGEST_END_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    report: dict[str, Any] | None
    update: str | None
    exit: ContainerExit


async def run_to_its_end(
    program: Program, provisioner: Provisioner, request: ContainerRequest, state: StubState
) -> Ending:
    """As the control plane does: a program that waits is told to stop, and so is one that lingers after its report."""
    state.input = json.dumps([program.source])
    container = Container(name=request.name, details=await provisioner.launch(request, age=_NEW))
    exited = asyncio.create_task(provisioner.wait_for_exit(container))
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while not exited.done():
        assert asyncio.get_running_loop().time() < deadline, f"it does not end\n{program}\n{program.source}"
        await asyncio.wait((exited,), timeout=0.02)
        if program.waits and state.updates[-1:] == ['"waiting"'] and state.termination_signal_time is None:
            state.termination_signal_time = 1
            await provisioner.stop(container)
        if state.report is not None and program.lingers:
            await asyncio.wait((exited,), timeout=_LONGEST_END_SECONDS)
            await provisioner.stop(container)
    return Ending(report=state.report, update=state.updates[-1] if state.updates else None, exit=await exited)


def assert_predicted(program: Program, ending: Ending, *, exit_reasons: bool) -> None:
    """`exit_reasons`: whether this platform gives those of the grammar."""
    prediction = program.predict()
    shown = f"\n{program}\n{program.source}\n{prediction}\n{ending}"
    if prediction.report is None:
        assert ending.report is None, shown
        assert not exit_reasons or ending.exit.reason == prediction.exit_reason, shown
    else:
        assert ending.report is not None, shown
        outcome, output, message = prediction.report
        assert (ending.report["outcome"], ending.report["final_output"]) == (outcome, output), shown
        assert str(ending.report["error_message"] or "").startswith(message or ""), shown
        assert (message is None) == (ending.report["error_message"] is None), shown
    assert ending.update == prediction.update, shown
