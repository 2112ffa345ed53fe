"""The same programs, one after the other in one warm container: each ends as predicted, and leaves the container as it
was.

`make misbehaviour` draws 300.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from control_plane_server.domain.containers import ContainerExit, ExitCause
from tests.misbehaviour.conduct import MAIN, Ending, assert_predicted
from tests.misbehaviour.grammar import Program, programs
from tests.sdk.api_stub import StubState, serving
from tests.sdk.conftest import PROGRAM, Container
from tests.sdk.warm.conftest import WarmContainer

PROGRAMS = int(os.environ.get("MISBEHAVIOURS", "20"))
_PATIENCE_SECONDS = 30
_LONGEST_END_SECONDS = 1.0
_NOTHING = ContainerExit(cause=ExitCause.EXITED, reason="")


def test_programs_end_as_predicted_and_the_container_goes_on() -> None:
    with _warm() as container:

        @settings(max_examples=PROGRAMS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(programs())
        def each(program: Program) -> None:
            assert_predicted(program, _ending(program, container), exit_reasons=False)
            assert container.process.poll() is None

        each()
        assert container.end()[0] == 0
        assert [*Path(container.temporary).iterdir()] == []


class _Container(WarmContainer):
    temporary = ""


@contextmanager
def _warm() -> Iterator[_Container]:
    state = StubState()
    with tempfile.TemporaryDirectory(prefix="cp-misbehaviour-") as folder, serving(state) as url:
        temporary = Path(folder, "temporary")
        temporary.mkdir()
        Path(folder, "main.py").write_text(MAIN)
        names = {"PROJECT_NAME": "p", "VERSION_ID": "ver-1", "FUNCTION_NAME": "f"}
        names |= {"API_URL": url, "API_KEY": state.warm.key}
        environment = {f"MULTINODE_{name}": value for name, value in names.items()} | {
            "CONTROL_PLANE_CONTAINER_ID": "con-1",
            "CONTROL_PLANE_STOP_GRACE_SECONDS": "1",
            "PATH": os.environ["PATH"],
            "TMPDIR": str(temporary),
        }
        process = subprocess.Popen(
            [sys.executable, *PROGRAM],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        container = _Container(Container(process, state))
        container.temporary = str(temporary)
        try:
            yield container
        finally:
            process.kill()
            process.wait()


def _ending(program: Program, container: WarmContainer) -> Ending:
    """As the control plane does: a program that waits is told to stop, and so is one that lingers after its report."""
    state = container.state
    state.updates.clear()
    state.termination_signal_time = None
    execution_id = container.begin([program.source])

    def waits() -> bool:
        return program.waits and state.updates[-1:] == ['"waiting"']

    def has_changed() -> bool:
        return waits() or execution_id in state.reports or state.warm.has_ended(execution_id)

    state.wait_until(has_changed, _PATIENCE_SECONDS)
    if waits():
        state.termination_signal_time = 1
        container.stop(execution_id)
    elif program.lingers:
        with state.changed:
            state.changed.wait_for(lambda: state.warm.has_ended(execution_id), _LONGEST_END_SECONDS)
        container.stop(execution_id)
    state.wait_until(lambda: state.warm.has_ended(execution_id), _PATIENCE_SECONDS)
    updates = state.updates
    return Ending(state.reports.get(execution_id), updates[-1] if updates else None, _NOTHING)
