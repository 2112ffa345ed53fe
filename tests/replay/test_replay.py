"""Workflows that run somewhere go on under today's code: recorded histories are replayed against it."""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from control_plane_server.orchestration.payloads import data_converter
from tests.replay.record import HISTORIES
from tests.replay.scenarios import SCENARIOS
from workflows.registry import WORKFLOWS

ADVICE = """
The workflow code asks for other commands than this recorded history. Invocations that are under way when the new
version is deployed would be stuck. Keep the old commands for them,
`if workflow.patched("what-changed"): new … else: old …`, then add a scenario for the new way to
tests/replay/scenarios.py and run `make record`. Never change or delete a history.
"""
RECORDED = {file.stem: file.read_text() for file in sorted(HISTORIES.glob("*.json"))}


@pytest.mark.parametrize("name", RECORDED)
async def test_replay(name: str) -> None:
    history = WorkflowHistory.from_json(name, RECORDED[name])
    try:
        await Replayer(workflows=WORKFLOWS, data_converter=data_converter).replay_workflow(history)
    except NondeterminismError as error:
        pytest.fail(f"{error}\n{ADVICE}")


def test_every_scenario_is_recorded() -> None:
    missing = {scenario.__name__ for scenario in SCENARIOS} - set(RECORDED)
    assert not missing, "run `make record`"
